import { readFile } from 'node:fs/promises';
import { type Config, fromRoot } from '../config.ts';
import { causeText, failure } from '../contracts/errors.ts';
import type { Mlflow, ModelVersion } from './mlflow/index.ts';
import { changedText, type FilesVerdict, ModelRefused } from './mlflow/versionFiles.ts';

/** Whether a version may be loaded: its files are those that were recorded, and, at a strict site, listed as trusted. */
export type Trust = FilesVerdict | { code: 'untrusted'; digest: string | null };

/** @throws ApplicationFailure of type InvalidConfig when the file in `registry.trustedDigests` cannot be read */
export async function judgeTrust(config: Config, verdict: FilesVerdict): Promise<Trust> {
  const { trustedDigests } = config.registry;
  if (!trustedDigests || verdict.code === 'changed') return verdict;
  const file = fromRoot(config, trustedDigests);
  const lines = await readFile(file, 'utf8').catch((error: unknown) => {
    throw failure('InvalidConfig', `registry.trustedDigests "${file}" cannot be read (${causeText(error)}).`, error);
  });
  // What follows the digest on its line is a remark.
  const listed = new Set(lines.split('\n').map((line) => line.trim().split(/\s/)[0]?.toLowerCase()));
  const digest = verdict.code === 'same' ? verdict.digest : null;
  return digest !== null && listed.has(digest) ? verdict : { code: 'untrusted', digest };
}

/** @throws {ModelRefused} when files of the version changed, or it is not trusted */
export function assertTrusted({ name, version }: Pick<ModelVersion, 'name' | 'version'>, trust: Trust): void {
  if (trust.code === 'changed') throw new ModelRefused('ModelChanged', changedText(name, version, trust.files));
  if (trust.code === 'untrusted') throw new ModelRefused('ModelUntrusted', untrustedText(name, version, trust.digest));
}

function untrustedText(registeredModel: string, version: string, digest: string | null): string {
  const what = digest === null ? 'no digest of its files is known' : `its digest ${digest} is not listed`;
  return `Version ${version} of ${registeredModel} is not trusted: ${what}.`;
}

/** @throws {ModelRefused} when files of the version changed since it was registered, or it is not trusted */
export async function assertLoadable(
  config: Config,
  mlflow: Pick<Mlflow, 'compareFiles'>,
  version: ModelVersion,
  signal?: AbortSignal | undefined,
): Promise<void> {
  assertTrusted(version, await judgeTrust(config, await mlflow.compareFiles(version, { signal })));
}
