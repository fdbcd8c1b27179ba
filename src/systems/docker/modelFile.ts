import { createWriteStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Mlflow, ModelVersion } from '../mlflow/index.ts';
import type { Transport } from '../mlflow/transport.ts';
import { DockerError } from './errors.ts';

const Description = z.object({
  flavors: z.object({
    sklearn: z.object({ pickled_model: z.string(), serialization_format: z.enum(['pickle', 'cloudpickle']) }),
  }),
});

interface Source {
  mlflow: Mlflow;
  /** For the files of a version, which the client has no call for. */
  transport: Transport;
}

/**
 * Writes the pipeline of a model version into a file: the one that its run holds beside the model, or else the pickle
 * inside a scikit-learn model.
 *
 * @param options.file where it goes; its name is the name in the run
 * @throws {DockerError} ModelNotFound, when the version has neither
 * @throws {MlflowError} when MLflow does not answer
 */
export async function fetchModelFile(
  { mlflow, transport }: Source,
  { version, file, signal }: { version: ModelVersion; file: string; signal?: AbortSignal | undefined },
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const name = basename(file);
  const beside = version.runId ? await mlflow.listArtifacts(version.runId, '', { signal }) : [];
  if (beside.some(({ path, isDirectory }) => path === name && !isDirectory)) {
    const folder = join(dirname(file), 'run');
    const [fetched] = await mlflow.downloadArtifacts(version.runId, name, folder, { signal });
    if (fetched) await copyFile(fetched, file);
    return;
  }
  const inModel = (path: string) => ({
    method: 'GET' as const,
    path: '/model-versions/get-artifact',
    query: { name: version.name, version: version.version, path },
    signal,
  });
  const description = Description.safeParse(parse(await transport.transfer(inModel('MLmodel'), text)));
  if (!description.success) {
    throw new DockerError(
      'ModelNotFound',
      `Version ${version.version} of ${version.name} cannot be put into an image: its run has no ${name}, and its model is not a pickled scikit-learn one.`,
    );
  }
  const { pickled_model } = description.data.flavors.sklearn;
  await transport.transfer(inModel(pickled_model), async (body) => await pipeline(body, createWriteStream(file)));
}
