import { FAILURES } from '../../contracts/errors.ts';
import { sha256OfJson } from '../digests.ts';
import { type Builder, planBuild } from './builder.ts';
import type { DockerCli } from './cli.ts';
import type { Docker } from './client.ts';
import { type ExtraFile, withContext } from './context.ts';
import { DockerError } from './errors.ts';
import { LABELS } from './labels.ts';
import { digestIn } from './references.ts';
import type { ImageRegistry } from './registry.ts';

/** Settings of pip that reach a Dockerfile that declares them; docker itself reads their values from the environment. */
const PASSED_ON = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_TRUSTED_HOST', 'PIP_DEFAULT_TIMEOUT', 'PIP_RETRIES'];
/** Several platforms are emulated, which takes many times as long. */
const TIMEOUT_MS = 60 * 60_000;

export interface BuildRequest {
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
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
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
  registry: ImageRegistry;
  findBuilder: () => Promise<Builder>;
}

/**
 * Builds an image and pushes it, unless there is one of the same inputs: Dockerfile, files of the context, build
 * arguments, platforms. What the base image's name stands for is not an input: `force` builds on a newer one.
 *
 * @throws {DockerError} BuildFailed with the end of the output; PushDenied; DockerUnavailable; InvalidConfig
 */
export async function buildImage(parts: Parts, request: BuildRequest): Promise<BuiltImage> {
  const { docker, registry, findBuilder } = parts;
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
        if (!digest) await registry.pull(image, `${image}:${tag}`, beat);
        else if (!isThere) await registry.retag(image, digest, tag, beat);
      } else if (push && !isThere) await registry.push(image, tag, beat);
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
  { cli, registry }: Parts,
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
    await registry.run('build', image, several, { signal, onProgress });
    return;
  }
  const classic = plan.kind === 'classic';
  // Without --force-rm the classic builder leaves the container of a step that failed.
  const args = classic
    ? ['build', '--force-rm', ...options, folder]
    : ['buildx', 'build', '--load', ...options, folder];
  const env: Record<string, string> = classic ? { DOCKER_BUILDKIT: '0' } : {};
  await cli.run({ what: 'build', image, args, env, timeoutMs: TIMEOUT_MS, signal, onProgress });
}
