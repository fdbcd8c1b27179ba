import { setTimeout as delay } from 'node:timers/promises';
import { TAGS } from '../../contracts/names.ts';
import { MlflowError, required } from './errors.ts';
import { quoted, tagIs } from './filter.ts';
import { backoffMs } from './retry.ts';
import type { ModelVersion } from './shapes.ts';
import type { CallOptions } from './transport.ts';
import type { NewVersion, VersionCalls } from './versions.ts';

/** How often a creation that met a server error is looked for and tried again. */
const ATTEMPTS = 6;
/** How long a new version may take to become READY (ms). */
const READY_WITHIN_MS = 60_000;

interface Wanted extends NewVersion {
  /** Version that was registered already. */
  version?: string | undefined;
}

/**
 * The version of this key, and only one, however often and by however many it is asked for.
 *
 * Looks for the tag `mediwatch.key` first, then for the version that was registered already, the one that is named or
 * one of the run, which it adopts, and only then creates one. MLflow numbers versions in the order in which they come to be, so when several are
 * made at once all see the lowest one afterwards: it stays and the others are deleted.
 *
 * @throws {MlflowError} when MLflow refuses it, or the version fails to become READY
 */
export function ensureVersionCall(calls: VersionCalls) {
  const { searchVersions, getVersion, createVersion, setVersionTags, deleteVersion, ensureRegisteredModel } = calls;

  async function byKey(name: string, key: string, options: CallOptions): Promise<ModelVersion | undefined> {
    const filter = `name = ${quoted(name)} and ${tagIs(TAGS.key, key)}`;
    const [lowest, ...others] = (await searchVersions(filter, options)).reverse();
    for (const { version } of others) {
      const other = await getVersion(name, version, options);
      // Somebody who gave it a stage or an alias wants to keep it.
      if (other?.stage === 'None' && other.aliases.length === 0) await deleteVersion(name, version, options);
    }
    return lowest;
  }

  async function registered({ name, runId, tags, version }: Wanted, key: string, options: CallOptions) {
    const found = version
      ? required(await getVersion(name, version, options), `version ${version} of ${name}`)
      : await newestOf(name, runId, options);
    if (!found) return undefined;
    // The key goes last: a version that has it has the other tags too.
    await setVersionTags(name, found.version, { ...tags, [TAGS.key]: key }, options);
    return found;
  }

  async function newestOf(name: string, runId: string, options: CallOptions) {
    const versions = await searchVersions(`name = ${quoted(name)} and run_id = ${quoted(runId)}`, options);
    return versions.find((version) => version.tags[TAGS.key] === undefined);
  }

  async function ready(name: string, version: string, options: CallOptions): Promise<ModelVersion> {
    const deadline = performance.now() + READY_WITHIN_MS;
    for (;;) {
      const current = required(await getVersion(name, version, options), `version ${version} of ${name}`);
      if (current.status === 'READY') return current;
      const failed = current.status.startsWith('FAILED');
      if (failed || performance.now() > deadline) {
        const message = `Version ${version} of ${name} is ${current.status}: ${current.statusMessage || 'no reason given'}.`;
        throw new MlflowError(message, { code: current.status, retryable: !failed });
      }
      await delay(200, undefined, options);
    }
  }

  return async function ensureVersion(
    { key, ...wanted }: Wanted & { key: string },
    options: CallOptions = {},
  ): Promise<ModelVersion> {
    const { name } = wanted;
    await ensureRegisteredModel(name, '', options);
    for (let attempt = 1; ; attempt++) {
      const existing = (await byKey(name, key, options)) ?? (await registered(wanted, key, options));
      if (existing) return await ready(name, existing.version, options);
      try {
        await createVersion({ ...wanted, tags: { ...wanted.tags, [TAGS.key]: key } }, options);
      } catch (error) {
        // Creations that meet on one number fail with 500 in MLflow, and an answer may get lost: look again.
        const passing = error instanceof MlflowError && (error.status ?? 0) >= 500;
        if (!passing || attempt >= ATTEMPTS) throw error;
        await delay(backoffMs(attempt), undefined, options);
      }
    }
  };
}
