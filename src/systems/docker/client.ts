import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import Dockerode from 'dockerode';
import pRetry from 'p-retry';
import { asDockerError, statusOf } from './errors.ts';
import { type PlacedFile, tarOf } from './secretFile.ts';

/** Characters of a log's end that are kept. */
const TAIL_CHARACTERS = 4_000;
const TAIL_LINES = 80;

export type ContainerDetails = Dockerode.ContainerInspectInfo;
export type ContainerSpec = Dockerode.ContainerCreateOptions & { name: string };

/** What a daemon says of itself. */
export interface DaemonInfo {
  operatingSystem: string;
  rootless: boolean;
  /** `linux/amd64` and the like. */
  platform: string;
}

/** Calls of the Docker daemon; each throws {@link DockerError}. What is absent is no error to find or to remove. */
export type Docker = ReturnType<typeof createDocker>;

/** A client of the daemon that `DOCKER_HOST` names, or of the local one. Connects with its first call. */
export function createDocker(options: { socketPath?: string } = {}) {
  const engine = new Dockerode(options);

  async function call<Value>(what: string, perform: () => Promise<Value>): Promise<Value> {
    return await perform().catch((error: unknown) => {
      throw asDockerError(what, error);
    });
  }
  /** 404 is an answer: it is not there. */
  async function find<Value>(what: string, perform: () => Promise<Value>): Promise<Value | undefined> {
    return await call(what, () => perform().catch(ignoring(404)));
  }
  /** A change that may have been made already: 304 says so, 409 that the daemon is at it, 404 that it is gone. */
  async function change(what: string, settled: number[], perform: () => Promise<unknown>): Promise<void> {
    await call(what, () => perform().catch(ignoring(...settled)));
  }

  return {
    inspect: (name: string) => find(`inspect ${name}`, () => engine.getContainer(name).inspect()),

    async info(): Promise<DaemonInfo> {
      const info = await call('be asked for its version', () => engine.info());
      const architecture = { x86_64: 'amd64', aarch64: 'arm64' }[info.Architecture as string] ?? info.Architecture;
      return {
        operatingSystem: String(info.OperatingSystem),
        rootless: ((info.SecurityOptions ?? []) as string[]).some((option) => option.includes('rootless')),
        platform: `${info.OSType}/${architecture}`,
      };
    },

    /** Address of this host in Docker's default network; '' when there is no such network. */
    async bridgeAddress(): Promise<string> {
      const network = await find('inspect its bridge', () => engine.getNetwork('bridge').inspect());
      const { Gateway, Subnet } = network?.IPAM?.Config?.[0] ?? {};
      // The daemon names the address only if it was given one; by itself it takes the first of the network.
      return Gateway ?? Subnet?.replace(/\.\d+\/\d+$/, '.1') ?? '';
    },

    /** Containers with this label, also stopped ones: their labels, with their names. */
    async labelled(label: string): Promise<Array<{ name: string; labels: Record<string, string> }>> {
      const filters = { label: [label] };
      const found = await call('list containers', () => engine.listContainers({ all: true, filters }));
      return found.map(({ Names, Labels }) => ({ name: (Names[0] ?? '').replace(/^\//, ''), labels: Labels }));
    },

    /** Makes the container unless its name is taken. */
    create: (spec: ContainerSpec) =>
      change(`create the container ${spec.name}`, [409], () => engine.createContainer(spec)),

    /** Puts a file into a volume of a container that has not started yet. */
    put: (name: string, file: PlacedFile) =>
      change(`write into the container ${name}`, [], () =>
        engine.getContainer(name).putArchive(tarOf(file), { path: posix.dirname(file.path) }),
      ),

    start: (name: string) => change(`start the container ${name}`, [304], () => engine.getContainer(name).start()),

    setRestartPolicy: (name: string, policy: 'no' | 'unless-stopped') =>
      change(`update the container ${name}`, [], () =>
        engine.getContainer(name).update({ RestartPolicy: { Name: policy } }),
      ),

    /** SIGTERM, SIGKILL after the grace (seconds). */
    stop: (name: string, graceSeconds: number) =>
      change(`stop the container ${name}`, [304, 404], () => engine.getContainer(name).stop({ t: graceSeconds })),

    /** Removes the container with its anonymous volumes. */
    remove: (name: string) =>
      change(`remove the container ${name}`, [404, 409], () =>
        engine.getContainer(name).remove({ force: true, v: true }),
      ),

    /** Both streams of a container's log, the newest lines; '' when it is gone. */
    async log(name: string, { lines = TAIL_LINES, characters = TAIL_CHARACTERS } = {}): Promise<string> {
      const options = { stdout: true, stderr: true, tail: lines, follow: false } as const;
      const raw = await find(`read the log of ${name}`, () => engine.getContainer(name).logs(options));
      return raw ? withoutFrames(raw).slice(-characters) : '';
    },

    image: (reference: string) => find(`inspect ${reference}`, () => engine.getImage(reference).inspect()),

    /** Ids of the local images that were made of these inputs. */
    async imagesOf(inputs: string): Promise<string[]> {
      const filters = { label: [`${LABELS.inputs}=${inputs}`] };
      const found = await call('list images', () => engine.listImages({ filters: JSON.stringify(filters) }));
      return found.map(({ Id }) => Id);
    },

    tag: (image: string, repository: string, tag: string) =>
      change(`tag ${image}`, [], () => engine.getImage(image).tag({ repo: repository, tag })),

    /** Takes the reference away, and the image with its last one; an image in use stays. */
    untag: (reference: string) => change(`untag ${reference}`, [404, 409], () => engine.getImage(reference).remove()),

    /** Containers with the label, one after the other as they start, until the signal is aborted or the daemon ends. */
    async *starts(label: string, signal: AbortSignal): AsyncGenerator<string> {
      const filters = { type: ['container'], event: ['start'], label: [label] };
      const events = await call('tell its events', () => engine.getEvents({ filters: JSON.stringify(filters) }));
      const end = () => (events as Readable).destroy();
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
      try {
        yield* namesOfEvents(events);
      } finally {
        signal.removeEventListener('abort', end);
        end();
      }
    },
  };
}

/** Swallows answers of the daemon with these statuses. */
const ignoring =
  (...statuses: number[]) =>
  (error: unknown): undefined => {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
  };

/** Docker prefixes each piece of a log with eight bytes: the stream, three zeros, the length. */
function withoutFrames(raw: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const size = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function* namesOfEvents(events: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest = '';
  // Not node:readline: it does not see that a stream was destroyed.
  for await (const chunk of events) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter(Boolean)) {
      const name = (JSON.parse(line) as { Actor?: { Attributes?: { name?: string } } }).Actor?.Attributes?.name;
      if (name) yield name;
    }
  }
}

/** Labels of the containers and images that are ours. */
export const LABELS = {
  key: 'mediwatch.key',
  model: 'mediwatch.model',
  version: 'mediwatch.version',
  run: 'mediwatch.run',
  /** SHA-256 of all that went into an image: the same inputs are the same image. */
  inputs: 'mediwatch.inputs',
  /** SHA-256 of the model's file in the image. */
  digest: 'mediwatch.digest',
  /** Admin address of the gateway that a container belongs to: two installations may share a Docker daemon. */
  gateway: 'mediwatch.gateway',
  /** Where an image reads variables that are secrets, a JSON object, so that they are not in its environment. */
  secrets: 'mediwatch.secrets',
  /** Key of the step that runs in a container. */
  step: 'mediwatch.step',
  /** Worker that started it: host, process id, and when that process started. */
  owner: 'mediwatch.owner',
} as const;

interface FollowOptions {
  docker: Docker;
  /** Containers with this label are followed. */
  label: string;
  /** Called with the name of each container that has started, and with all of them when the daemon is (again) there. */
  onStart: (name: string) => Promise<void>;
  signal: AbortSignal;
}

/** A daemon that went away is asked again at this pace. */
const ASK_AGAIN = { retries: Number.POSITIVE_INFINITY, minTimeout: 2_000, factor: 1, unref: true };

/**
 * Watches containers start until the signal is aborted. Docker gives a container that it starts again, after a crash
 * or with its daemon, another address; whoever keeps addresses must know. Nothing that fails ends the watch.
 */
export async function followStarts({ docker, label, onStart, signal }: FollowOptions): Promise<void> {
  const follow = async () => {
    // The stream is opened before the list is read, so that no start falls between the two.
    const starts = docker.starts(label, signal);
    const next = starts.next();
    next.catch(() => {});
    for (const { name } of await docker.labelled(label)) await onStart(name);
    for (let start = await next; !start.done; start = await starts.next()) await onStart(start.value);
  };
  // The daemon or the gateway is away; the list is read again when they are back.
  const untilItEnds = async () => {
    await follow().catch(() => {});
    throw new Error('The daemon tells no more starts.');
  };
  await pRetry(untilItEnds, { ...ASK_AGAIN, signal }).catch(() => {});
}
