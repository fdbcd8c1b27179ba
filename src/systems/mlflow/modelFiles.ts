import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { causeText } from '../../contracts/errors.ts';
import { judgeTrust } from '../modelTrust.ts';
import type { ModelVersion } from './index.ts';
import { mlflowOptions } from './options.ts';
import { createTransport } from './transport.ts';
import { versionFileCalls } from './versionFiles.ts';

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
  version: Pick<ModelVersion, 'name' | 'version' | 'status' | 'statusMessage' | 'tags'>;
  signal?: AbortSignal | undefined;
}

interface VersionFacts {
  registeredModel: string;
  version: string;
}

/** What became of the look at a version's files. */
type ModelFiles =
  | { code: 'modelFileAvailable'; facts: VersionFacts & { file: string; digest: string | null } }
  | { code: 'modelFilesChanged'; facts: VersionFacts & { files: string[] } }
  | { code: 'modelUntrusted'; facts: VersionFacts & { digest: string | null } }
  | { code: 'modelNotReady'; facts: VersionFacts & { status: string; statusMessage: string } }
  | { code: 'modelUndescribed'; facts: VersionFacts }
  | { code: 'modelFileMissing'; facts: VersionFacts & { file: string; reason: string } };

/**
 * Looks whether the files of a model version are where the registry says, can be fetched through MLflow, and are those
 * that were registered.
 */
export async function lookAtModelFiles({ config, version, signal }: Question): Promise<ModelFiles> {
  const { name, status, statusMessage } = version;
  const facts = { registeredModel: name, version: version.version };
  if (status !== 'READY') return { code: 'modelNotReady', facts: { ...facts, status, statusMessage } };
  const transport = createTransport({ ...mlflowOptions(config, LIMIT_MS), retries: 1 });
  const fetch = async <Value>(path: string, read: (body: Readable) => Promise<Value>) => {
    const query = { name, version: version.version, path };
    return await transport.transfer({ method: 'GET', path: '/model-versions/get-artifact', query, signal }, read);
  };
  let file = 'MLmodel';
  const findFile = async () => {
    const description = Description.safeParse(parse(await fetch(file, text)));
    if (!description.success) return false;
    const { sklearn, file: plain } = description.data.flavors;
    file = sklearn?.pickled_model ?? plain?.path ?? file;
    if (file !== 'MLmodel') await fetch(file, firstBytes);
    return true;
  };
  try {
    const { compareFiles } = versionFileCalls(transport);
    const [isDescribed, compared] = await Promise.all([findFile(), compareFiles(version, { signal })]);
    if (!isDescribed) return { code: 'modelUndescribed', facts };
    const trust = await judgeTrust(config, compared);
    if (trust.code === 'changed') return { code: 'modelFilesChanged', facts: { ...facts, files: trust.files } };
    if (trust.code === 'untrusted') return { code: 'modelUntrusted', facts: { ...facts, digest: trust.digest } };
    const digest = trust.code === 'same' ? trust.digest : null;
    return { code: 'modelFileAvailable', facts: { ...facts, file, digest } };
  } catch (error) {
    signal?.throwIfAborted();
    return { code: 'modelFileMissing', facts: { ...facts, file, reason: causeText(error) } };
  } finally {
    await transport.close();
  }
}

/** That it begins to come is enough: models can be large. */
async function firstBytes(body: Readable): Promise<void> {
  for await (const _ of body) break;
}
