import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import { sha256OfFile } from '../digests.ts';
import type { Mlflow } from '../mlflow/index.ts';
import type { Transport } from '../mlflow/transport.ts';
import { recordedFiles } from '../mlflow/versionFiles.ts';
import { assertLoadable } from '../modelTrust.ts';
import { type BuildRequest, type BuiltImage, buildImage, findBuilder, planBuild } from './build.ts';
import { type Beat, type DockerCli, digestIn } from './cli.ts';
import { type Docker, LABELS } from './client.ts';
import { DockerError } from './errors.ts';
import { fetchModelFile } from './modelFile.ts';
import { openSigner } from './provenance.ts';

export interface BakedImage extends BuiltImage {
  model: string;
  version: string;
  runId: string | null;
  /** SHA-256 of the model's file. */
  modelSha256: string;
}

type BuildOptions = Beat & { force?: boolean };

interface Parts {
  config: Config;
  docker: Docker;
  cli: DockerCli;
  mlflow: Mlflow;
  transport: Transport;
}

export type Images = ReturnType<typeof createImages>;

/** Makes the images of the API. All methods throw {@link DockerError}; those about a version also `MlflowError`. */
export function createImages({ config, ...parts }: Parts) {
  const { image, tag, bakedTag, releaseTag, baseImage, context, platforms, push, modelPath } = config.docker;
  const { docker, cli } = parts;
  const build = (request: Omit<BuildRequest, 'image' | 'context' | 'platforms' | 'push'>) =>
    buildImage({ ...parts, findBuilder }, { image, context: fromRoot(config, context), platforms, push, ...request });

  return {
    /** The image without a model, tagged `docker.tag`. */
    async runtime(options: BuildOptions = {}): Promise<BuiltImage> {
      const buildArgs = { BASE_IMAGE: baseImage };
      const { dockerfile } = config.docker;
      const sign = await openSigner(config);
      const built = await build({ tag, dockerfile: fromRoot(config, dockerfile), buildArgs, labels: {}, ...options });
      await sign?.(built, { dockerfile, buildArgs });
      return built;
    },

    /** The image with a version of a model, tagged `v<version>`; what serves from it may then be released. */
    async bake(model: string, version: string, options: BuildOptions = {}): Promise<BakedImage> {
      const { mlflow } = parts;
      const found = await mlflow.getVersion(model, version, { signal: options.signal });
      if (!found) throw new DockerError('ModelNotFound', `${model} has no version ${version} in MLflow.`);
      await assertLoadable(config, mlflow, found, options.signal);
      const sign = await openSigner(config);
      const folder = await mkdtemp(join(tmpdir(), 'mediwatch-model-'));
      try {
        const file = join(folder, basename(modelPath));
        await fetchModelFile(parts, { version: found, file, signal: options.signal });
        const modelSha256 = await sha256OfFile(file);
        const runId = found.runId || null;
        const buildArgs = { BASE_IMAGE: baseImage, MODEL_SRC: modelPath, MODEL_NAME: model, MODEL_VERSION: version };
        const built = await build({
          tag: `v${version}`,
          dockerfile: fromRoot(config, config.docker.bakedDockerfile),
          extra: [{ path: modelPath, file }],
          buildArgs,
          labels: {
            [LABELS.model]: model,
            [LABELS.version]: version,
            [LABELS.digest]: modelSha256,
            ...(runId && { [LABELS.run]: runId }),
            'org.opencontainers.image.version': version,
          },
          ...options,
        });
        const origin = { dockerfile: config.docker.bakedDockerfile, buildArgs };
        const recorded = recordedFiles(found);
        const signed = await sign?.(built, { ...origin, model: { name: model, version, recorded } });
        if (signed && runId) await mlflow.logArtifact(runId, `image/${basename(signed)}`, await readFile(signed));
        return { ...built, model, version, runId, modelSha256 };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },

    /**
     * Gives a baked image the tags that say that it serves: `docker.bakedTag` and the release tag.
     *
     * @param reference what `bake` gave as the image's reference
     */
    async release(reference: string, options: Beat = {}): Promise<string[]> {
      const tags = [bakedTag, releaseTag || new Date().toISOString().slice(0, 10)];
      const several = planBuild(await findBuilder(), platforms, push).platforms.length > 0;
      for (const name of tags) {
        await docker.tag(reference, image, name);
        if (several) await cli.retag(image, reference, name, options);
        else if (push) await cli.push(image, name, options);
      }
      return tags.map((name) => `${image}:${name}`);
    },

    /** Gets the image of a container from the registry, also when this host has an older one. */
    pull: (reference: string, options: Beat = {}): Promise<void> => cli.pull(image, reference, options),
  };
}

interface ChosenImage {
  reference: string;
  user: string;
  secretsPath: string | undefined;
  runId: string | null;
}

/**
 * The image of a version's container. Option registry: `docker.image:docker.tag`, the registry's if this host can get
 * it; option baked: the one that holds the version, which is built and pushed if there is none.
 *
 * @returns a reference that always means the same image, its user, where it reads secrets, and the MLflow run of the version
 * @throws {DockerError} DeploymentFailed, when there is no image; what baking throws
 * @throws {MlflowError} when MLflow does not answer
 */
export async function chooseImage(
  config: Config,
  { docker, images, mlflow }: { docker: Docker; images: Images; mlflow: Mlflow },
  { model, version, signal }: { model: string; version: string; signal: AbortSignal | undefined },
): Promise<ChosenImage> {
  const { image, tag, option, push } = config.docker;
  if (option === 'baked') {
    const { reference, runId } = await images.bake(model, version, { signal });
    return { reference, ...saidBy(await docker.image(reference)), runId };
  }
  const found = await mlflow.getVersion(model, version, { signal });
  if (!found) throw new DockerError('ModelNotFound', `${model} has no version ${version} in MLflow.`);
  const name = `${image}:${tag}`;
  const local = await docker.image(name);
  if (push || !local) {
    // What lies here serves if the registry is away; without either there is nothing to run.
    await images.pull(name, { signal }).catch((error: unknown) => {
      if (local && !signal?.aborted) return;
      if (!(error instanceof DockerError) || signal?.aborted) throw error;
      const message = `The image ${name} is not on this host, and cannot be pulled; "mediwatch build" makes it. ${error.message}`;
      throw new DockerError(error.type, message, error);
    });
  }
  const details = await docker.image(name);
  if (!details) throw new DockerError('DeploymentFailed', `There is no image ${name}: build or pull it.`);
  const reference = digestIn(image, details.RepoDigests) ?? details.Id;
  return { reference, ...saidBy(details), runId: found.runId || null };
}

function saidBy(image: Awaited<ReturnType<Docker['image']>>): Pick<ChosenImage, 'user' | 'secretsPath'> {
  // Docker has null where there are none, whatever its types say.
  const labels: Record<string, string | undefined> = image?.Config.Labels ?? {};
  return { user: image?.Config.User ?? '', secretsPath: labels[LABELS.secrets] };
}
