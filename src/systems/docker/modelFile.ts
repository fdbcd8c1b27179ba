import { createWriteStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { TAGS } from '../../contracts/names.ts';
import { sha256OfFile } from '../digests.ts';
import type { Mlflow, ModelVersion } from '../mlflow/index.ts';
import type { Transport } from '../mlflow/transport.ts';
import { changedText, ModelRefused, recordedFiles } from '../mlflow/versionFiles.ts';
import { DockerError } from './errors.ts';

const Description = z.object({
  flavors: z.object({
    sklearn: z
      .object({ pickled_model: z.string(), serialization_format: z.enum(['pickle', 'cloudpickle']) })
      .optional()
      .catch(undefined),
    file: z.object({ path: z.string() }).optional(),
  }),
});

interface Source {
  mlflow: Mlflow;
  /** For the files of a version, which the client has no call for. */
  transport: Transport;
}

/**
 * Writes the file of a model version that an image holds: the one that was evaluated, if the version is a pickled
 * scikit-learn model or a file that a script wrote; of others, the one that its run holds beside the model.
 *
 * @param options.file where it goes; its name is the name in the run
 * @throws {DockerError} ModelNotFound, when the version has neither
 * @throws {ModelRefused} when its files are not those that were registered
 * @throws {MlflowError} when MLflow does not answer
 */
export async function fetchModelFile(
  { mlflow, transport }: Source,
  { version, file, signal }: { version: ModelVersion; file: string; signal?: AbortSignal | undefined },
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const inModel = (path: string) => ({
    method: 'GET' as const,
    path: '/model-versions/get-artifact',
    query: { name: version.name, version: version.version, path },
    signal,
  });
  const flavors = Description.safeParse(parse(await transport.transfer(inModel('MLmodel'), text))).data?.flavors;
  const path = flavors?.sklearn?.pickled_model ?? flavors?.file?.path;
  if (path !== undefined) {
    await transport.transfer(inModel(path), async (body) => await pipeline(body, createWriteStream(file)));
    const { files } = recordedFiles(version) ?? { files: null };
    if (files !== null && !files.split('\n').includes(`${await sha256OfFile(file)}  ${path}`)) {
      throw new ModelRefused('ModelChanged', changedText(version.name, version.version, [path]));
    }
    return;
  }
  const name = basename(file);
  const beside = version.runId ? await mlflow.listArtifacts(version.runId, '', { signal }) : [];
  if (!beside.some(({ path, isDirectory }) => path === name && !isDirectory)) {
    throw new DockerError(
      'ModelNotFound',
      `Version ${version.version} of ${version.name} cannot be put into an image: its run has no ${name}, and its model is not a pickled scikit-learn one.`,
    );
  }
  const folder = join(dirname(file), 'run');
  const [fetched] = await mlflow.downloadArtifacts(version.runId, name, folder, { signal });
  if (fetched) await copyFile(fetched, file);
  const recorded = version.tags[TAGS.imageFile];
  if (recorded && recorded !== (await sha256OfFile(file))) {
    throw new ModelRefused('ModelChanged', changedText(version.name, version.version, [name]));
  }
}
