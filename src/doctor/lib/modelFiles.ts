import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { ModelVersion } from '../../systems/mlflow/index.ts';
import { mlflowOptions } from '../../systems/mlflow/options.ts';
import { createTransport } from '../../systems/mlflow/transport.ts';
import { type Finding, ok, problem } from '../finding.ts';
import { inWords } from './words.ts';

/** The part of a model's description that names its file; a flavor without one is taken at its word. */
const Description = z.object({
  flavors: z.looseObject({
    sklearn: z.object({ pickled_model: z.string() }).optional(),
    file: z.object({ path: z.string() }).optional(),
  }),
});
const LIMIT_MS = 8_000;

interface Question {
  config: Config;
  version: Pick<ModelVersion, 'name' | 'version' | 'status' | 'statusMessage'>;
  signal?: AbortSignal | undefined;
}

/** Whether the files of a model version are where the registry says, and can be fetched through MLflow. */
export async function examineModelFiles({ config, version, signal }: Question): Promise<Finding> {
  const called = `version ${version.version} of ${version.name}`;
  const mend = `mediwatch rollback, or register a version anew: mediwatch retrain --follow`;
  if (version.status !== 'READY') {
    return problem(`${called} is not ready (${version.status} ${version.statusMessage})`.replace(' )', ')'), mend);
  }
  const transport = createTransport({ ...mlflowOptions(config, LIMIT_MS), retries: 1 });
  const path = '/model-versions/get-artifact';
  const fetch = async <Value>(file: string, read: (body: Readable) => Promise<Value>) => {
    const query = { name: version.name, version: version.version, path: file };
    return await transport.transfer({ method: 'GET', path, query, signal }, read);
  };
  let file = 'MLmodel';
  try {
    const description = Description.safeParse(parse(await fetch(file, text)));
    const flavors = description.data?.flavors;
    file = flavors?.sklearn?.pickled_model ?? flavors?.file?.path ?? '';
    if (!description.success) return problem(`${called}: its MLmodel file describes no model`, mend);
    if (file) await fetch(file, firstBytes);
    return ok(`${called}: ${file || 'MLmodel'} can be downloaded`);
  } catch (error) {
    signal?.throwIfAborted();
    return problem(`${called}: its file ${file} cannot be downloaded (${inWords(error)})`, mend);
  } finally {
    await transport.close();
  }
}

/** That it begins to come is enough: models can be large. */
async function firstBytes(body: Readable): Promise<void> {
  for await (const _ of body) break;
}
