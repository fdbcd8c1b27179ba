import { execa } from 'execa';
import { FAILURES } from '../../contracts/errors.ts';
import { sha256OfJson } from '../digests.ts';
import { ownEnvironment } from '../processes/environment.ts';
import { type Beat, type DockerCli, digestIn } from './cli.ts';
import { type Docker, LABELS } from './client.ts';
import { type ExtraFile, withContext } from './context.ts';
import { DockerError } from './errors.ts';

/** Settings of pip that reach a Dockerfile that declares them; docker itself reads their values from the environment. */
const PASSED_ON = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_TRUSTED_HOST', 'PIP_DEFAULT_TIMEOUT', 'PIP_RETRIES'];

export interface BuildRequest extends Beat {
  /** Repository of the image, without a tag. */
  image: string;
  tag: string;
  context: string;
  dockerfile: string;
  extra?: readonly ExtraFile[];
  buildArgs: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  platforms: readonly string[];
  push: boolean;
  /** Build although there is an image of the same inputs. */
  force?: boolean;
}

export interface BuiltImage {
  /** What a container is made of: `repository@sha256:…` once it was pushed, the image's id otherwise. */
  reference: string;
  imageId: string;
  tag: string;
  /** False: an image of the same inputs was there. */
  built: boolean;
  pushed: boolean;
  /** Platforms of the image. */
  platforms: string[];
  /** Why fewer platforms were built than configured; empty: all were. */
  note: string;
}

interface Parts {
  docker: Docker;
  cli: DockerCli;
  findBuilder: () => Promise<Builder>;
}

/**
 * Builds an image and pushes it, unless there is one of the same inputs: Dockerfile, files of the context, build
 * arguments, platforms. What the base image's name stands for is not an input: `force` builds on a newer one.
 *
 * @throws {DockerError} BuildFailed with the end of the output; PushDenied; DockerUnavailable; InvalidConfig
 */
export async function buildImage(parts: Parts, request: BuildRequest): Promise<BuiltImage> {
  const { docker, cli, findBuilder } = parts;
  const { image, tag, buildArgs, platforms, push, force = false, signal, onProgress } = request;
  const plan = planBuild(await findBuilder(), platforms, push);
  return withContext(request, async ({ folder, sha256 }) => {
    const inputs = sha256OfJson([sha256, Object.entries(buildArgs).sort(), plan.platforms]);
    const [known] = force ? [] : await docker.imagesOf(inputs);
    const tagged = await docker.image(`${image}:${tag}`);
    if (!known) await build(parts, request, { folder, inputs, plan });
    else if (tagged?.Id !== known) await docker.tag(known, image, tag);

    const digest = known && digestIn(image, (await docker.image(known))?.RepoDigests);
    const isThere = digest && tagged?.Id === known;
    const beat = { signal, onProgress };
    try {
      if (plan.platforms.length > 0) {
        // The build itself has pushed; this host gets its own platform from there.
        if (!digest) await cli.pull(image, `${image}:${tag}`, beat);
        else if (!isThere) await cli.retag(image, digest, tag, beat);
      } else if (push && !isThere) await cli.push(image, tag, beat);
    } catch (error) {
      // What may not be pushed goes; what may be pushed later stays, so that it need not be built again.
      if (!(error instanceof DockerError) || FAILURES[error.type].retryable) throw error;
      if (tagged) await docker.tag(tagged.Id, image, tag);
      else await docker.untag(`${image}:${tag}`);
      throw error;
    }

    const details = await docker.image(`${image}:${tag}`);
    if (!details)
      throw new DockerError('DeploymentFailed', `The image ${image}:${tag} was removed while it was built.`);
    const own = `${details.Os}/${details.Architecture}`;
    return {
      reference: (push && digestIn(image, details.RepoDigests)) || details.Id,
      imageId: details.Id,
      tag,
      built: !known,
      pushed: push,
      platforms: plan.platforms.length > 0 ? plan.platforms : [own],
      note: plan.note,
    };
  });
}

async function build(
  { cli }: Parts,
  { image, tag, dockerfile, buildArgs, labels, signal, onProgress }: BuildRequest,
  { folder, inputs, plan }: { folder: string; inputs: string; plan: ReturnType<typeof planBuild> },
): Promise<void> {
  const allLabels = {
    ...labels,
    [LABELS.inputs]: inputs,
    'org.opencontainers.image.created': new Date().toISOString(),
  };
  const options = [
    ...['--file', dockerfile, '--tag', `${image}:${tag}`],
    ...Object.entries(buildArgs).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...PASSED_ON.flatMap((name) => ['--build-arg', name]),
    ...Object.entries(allLabels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
  ];
  if (plan.platforms.length > 0) {
    const several = ['buildx', 'build', '--platform', plan.platforms.join(','), '--push', ...options, folder];
    await cli.runLoggedIn({ what: 'build', image, args: several, signal, onProgress });
    return;
  }
  const classic = plan.kind === 'classic';
  // Without --force-rm the classic builder leaves the container of a step that failed.
  const args = classic
    ? ['build', '--force-rm', ...options, folder]
    : ['buildx', 'build', '--load', ...options, folder];
  const env: Record<string, string> = classic ? { DOCKER_BUILDKIT: '0' } : {};
  await cli.run({ what: 'build', image, args, env, signal, onProgress });
}

/** How images can be built on this host. */
interface Builder {
  kind: 'buildx' | 'classic';
  /** Driver of the current builder; `docker` builds for one platform only. */
  driver: string;
  platforms: string[];
}

interface BuildPlan {
  kind: Builder['kind'];
  /** Empty: the builder's own. */
  platforms: string[];
  /** Why fewer platforms are built than were asked for; empty: all are. */
  note: string;
}

/** Finds out whether the buildx plug-in is there and what its current builder can do. */
export async function findBuilder(): Promise<Builder> {
  const { exitCode, stdout } = await execa('docker', ['buildx', 'inspect'], {
    ...ownEnvironment(['docker']),
    reject: false,
    timeout: 20_000,
  });
  if (exitCode !== 0) return { kind: 'classic', driver: 'docker', platforms: [] };
  return parseBuilder(stdout);
}

/** Reads what `docker buildx inspect` prints. */
export function parseBuilder(text: string): Builder {
  const driver = /^Driver:\s*(\S+)/m.exec(text)?.[1] ?? 'docker';
  const platforms = [...text.matchAll(/^Platforms:\s*(.*)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((platform) => platform.trim().replace(/\*$/, '')),
  );
  return { kind: 'buildx', driver, platforms: [...new Set(platforms.filter(Boolean))] };
}

/**
 * Which platforms are built. Several need buildx with another driver than `docker`, and a registry: a local image store
 * holds one platform of an image.
 */
export function planBuild(builder: Builder, wanted: readonly string[], push: boolean): BuildPlan {
  const single = (why: string): BuildPlan => ({
    kind: builder.kind,
    platforms: [],
    note: `Only the platform of this host is built, not ${wanted.join(' and ')}: ${why}.`,
  });
  if (wanted.length <= 1) return { kind: builder.kind, platforms: [], note: '' };
  if (builder.kind === 'classic') return single('the buildx plug-in of Docker is not installed');
  if (builder.driver === 'docker') {
    return single('the current builder uses the driver "docker"; "docker buildx create --use" makes one that can');
  }
  const missing = wanted.filter((platform) => !builder.platforms.includes(platform));
  if (missing.length > 0) return single(`the builder cannot build ${missing.join(' and ')}`);
  if (!push) return single('docker.push is false, and several platforms can only be pushed');
  return { kind: 'buildx', platforms: [...wanted], note: '' };
}
