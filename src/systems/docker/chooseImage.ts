import type { Config } from '../../config.ts';
import { DockerError } from './errors.ts';
import type { DockerSystem } from './index.ts';
import { digestIn } from './references.ts';

interface Wanted {
  model: string;
  version: string;
  signal: AbortSignal | undefined;
}

/**
 * The image of a version's container. Option registry: `docker.image:docker.tag`, the registry's if this host can get
 * it; option baked: the one that holds the version, which is built and pushed if there is none.
 *
 * @returns a reference that always means the same image, the image's user, and the MLflow run of the version
 * @throws {DockerError} DeploymentFailed, when there is no image; what baking throws
 * @throws {MlflowError} when MLflow does not answer
 */
export async function chooseImage(
  config: Config,
  { docker, images, mlflow }: DockerSystem,
  { model, version, signal }: Wanted,
): Promise<{ reference: string; user: string; runId: string | null }> {
  const { image, tag, option, push } = config.docker;
  if (option === 'baked') {
    const { reference, runId } = await images.bake(model, version, { signal });
    return { reference, user: await userOf(reference), runId };
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
  return { reference, user: details.Config.User, runId: found.runId || null };

  async function userOf(name: string): Promise<string> {
    return (await docker.image(name))?.Config.User ?? '';
  }
}
