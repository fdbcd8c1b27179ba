import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import type { Config } from '../../config.ts';
import { createDocker, type Docker, LABELS } from '../docker/client.ts';
import { confinementOptions } from '../docker/confinement.ts';
import { DockerError } from '../docker/errors.ts';
import { type Bridge, createBridge } from '../docker/reach.ts';
import { CommandFailed, CommandOutOfMemory, commandLine } from '../processes/errors.ts';
import { processTable } from '../processes/processTable.ts';

interface Contained {
  image: string;
  command: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Folders that it may write, at the same path inside. */
  writable: readonly string[];
  /** Files and folders that it may only read. */
  readable: readonly string[];
  /** Its home, a folder of this call. */
  home: string;
  memoryLimitMb: number;
  /** How much of the processors it gets; absent: as much as is free. */
  cores?: number | undefined;
  /** Ids of its GPUs; absent: none. */
  gpus?: readonly string[] | undefined;
  /** Names the step, whichever attempt it is. */
  key: string;
}

/** Steps in containers of their own. None outlives its step, nor this worker for long. */
export interface Containers {
  /** Address of MLflow as containers reach it. */
  mlflowUri(): Promise<string>;
  /**
   * Runs the body with the command that starts the container, which is gone afterwards, and with what that needs in its
   * environment besides our own.
   */
  contain<Result>(
    contained: Contained,
    body: (command: string[], env: Record<string, string>) => Promise<Result>,
  ): Promise<Result>;
  /** Removes the containers of workers of this host that are dead. Nothing happens where there is no Docker. */
  removeOrphans(): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is connected to until it is used. */
export function createContainers(config: Config, docker: Docker = createDocker()): Containers {
  const bridge: Bridge = createBridge(config, docker, { needsMlflow: true });
  const owner = ownLabel();

  return {
    mlflowUri: async () => (await bridge.reach()).mlflowUri,

    async contain(contained, body) {
      // Of this attempt alone: one that ends late must not take the next one's container for its own.
      const name = `mediwatch-step-${randomUUID()}`;
      const { network } = config.docker;
      const label = `${LABELS.step}=${contained.key}`;
      const options = [
        ['--rm', '--init', '--name', name],
        ['--label', label, '--label', `${LABELS.owner}=${await owner}`],
        ['--memory', `${contained.memoryLimitMb}m`, '--memory-swap', `${contained.memoryLimitMb}m`],
        // Docker refuses more than there are.
        contained.cores ? ['--cpus', String(Math.min(contained.cores, availableParallelism()))] : [],
        // Docker reads it as CSV: without quotes the second id would be another option.
        contained.gpus?.length ? ['--gpus', `"device=${contained.gpus.join()}"`] : [],
        confinementOptions(config),
        ...(network ? [['--network', network]] : []),
        ['--workdir', contained.cwd, ...ourUser()],
        ...mounts(contained).map(({ path, mode }) => ['--volume', `${path}:${path}:${mode}`]),
      ].flat();
      // An attempt whose worker was killed may have left one.
      for (const left of await docker.labelled(label)) await docker.remove(left.name);
      const inside = { ...contained.env, HOME: contained.home };
      try {
        return await withVariables(inside, contained.home, (variables, env) =>
          body(['docker', 'run', ...options, ...variables, contained.image, ...contained.command], env),
        );
      } catch (error) {
        throw explain(error, contained);
      } finally {
        // The client passes signals on, but when it is killed itself its container goes on.
        await docker.remove(name).catch(() => undefined);
      }
    },

    async removeOrphans() {
      const found = await docker.labelled(LABELS.owner).catch(() => []);
      if (found.length === 0) return;
      const alive = new Set((await processTable()).map(({ pid, start }) => `${hostname()}/${pid}/${start}`));
      for (const { name, labels } of found) {
        const label = labels[LABELS.owner] ?? '';
        if (label.startsWith(`${hostname()}/`) && !alive.has(label)) await docker.remove(name);
      }
    },

    close: () => bridge.close(),
  };
}

/** This process, told from a later one with the same id. */
async function ownLabel(): Promise<string> {
  const own = (await processTable()).find(({ pid }) => pid === process.pid);
  return `${hostname()}/${process.pid}/${own?.start ?? ''}`;
}

/** What it writes belongs to us, and can be read and removed by us. */
function ourUser(): string[] {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return uid === undefined ? [] : ['--user', `${uid}:${gid}`];
}

/** One mount for each path that does not lie in another one. */
function mounts({ writable, readable }: Contained): Array<{ path: string; mode: 'rw' | 'ro' }> {
  const all = [
    ...writable.map((path) => ({ path, mode: 'rw' as const })),
    ...readable.map((path) => ({ path, mode: 'ro' as const })),
  ];
  return all.filter(
    ({ path }, index) => !all.some((other, at) => at !== index && covers(other.path, path, at < index)),
  );
}

function covers(outer: string, inner: string, isEarlier: boolean): boolean {
  const path = relative(outer, inner);
  return path === '' ? isEarlier : !path.startsWith('..') && !isAbsolute(path);
}

/** Exit codes of `docker run` that are not the command's own. */
const DAEMON_REFUSED = 125;
const KILLED = 137;

function explain(error: unknown, { image, command, memoryLimitMb }: Contained): unknown {
  if (!(error instanceof CommandFailed)) return error;
  if (error.exitCode === KILLED) return new CommandOutOfMemory(commandLine(command), memoryLimitMb, memoryLimitMb);
  if (error.exitCode !== DAEMON_REFUSED) return error;
  // A registry or a daemon that does not answer may do so later; an image that there is not will not come to be.
  const isWrong = /access denied|manifest unknown|not found|invalid reference|invalid argument/i.test(error.tail);
  return new DockerError(
    isWrong ? 'InvalidConfig' : 'DockerUnavailable',
    `Docker cannot run the image ${image}: ${error.tail.trim()}`,
    error,
  );
}

/** What docker takes from a line of an env file as it stands; of several lines it would take the first. */
const LINE = /^[^\s#=][^\s=]*=[^\r\n]*$/;
/** Docker refuses lines over 64 KiB. */
const LINE_BYTES = 60_000;
/** What the client reads for itself: its programs, its logins, its daemon, its proxies. */
const OF_THE_CLIENT = /^(PATH|HOME|DOCKER_.*|.*_PROXY)$/i;

/**
 * Lets `body` start a container with variables that are none of the client's: a PATH, HOME or DOCKER_HOST of the
 * container would hide programs, logins and daemon from it. They go through a file that only this user can read and
 * that is gone afterwards, so that none is seen by "ps". What fits into no line goes through the client's environment.
 *
 * @param folder where the file is for that time
 * @param body gets the options of `docker run`, and what the client needs in its environment besides our own
 */
async function withVariables<Result>(
  variables: Readonly<Record<string, string>>,
  folder: string,
  body: (options: string[], env: Record<string, string>) => Promise<Result>,
): Promise<Result> {
  const all = Object.entries(variables).map(([name, value]) => ({ name, value, line: `${name}=${value}` }));
  const fits = ({ line }: { line: string }) => LINE.test(line) && Buffer.byteLength(line) <= LINE_BYTES;
  const others = all.filter((variable) => !fits(variable));
  const handed = others.filter(({ name }) => !OF_THE_CLIENT.test(name));
  const shown = others.filter(({ name }) => OF_THE_CLIENT.test(name));
  const file = join(folder, `variables-${randomUUID()}.env`);
  const lines = all.filter(fits).map(({ line }) => `${line}\n`);
  const options = [
    ...['--env-file', file],
    ...handed.flatMap(({ name }) => ['--env', name]),
    ...shown.flatMap(({ line }) => ['--env', line]),
  ];
  try {
    await writeFile(file, lines.join(''), { mode: 0o600, flag: 'wx' });
    return await body(options, Object.fromEntries(handed.map(({ name, value }) => [name, value])));
  } finally {
    await rm(file, { force: true });
  }
}
