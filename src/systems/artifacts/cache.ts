import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactRef } from '../../contracts/training.ts';
import { makeTemporary, sweepAbandoned } from './temporary.ts';
import { sizeBelow } from './tree.ts';

/** A step may still be reading what was asked for within this time. */
const IN_USE_MS = 3_600_000;

export interface Trimmed {
  removed: number;
  freedBytes: number;
  keptBytes: number;
}

export type Cache = ReturnType<typeof createCache>;

/**
 * This host's copies of artifacts, each in a folder named by the manifest's digest.
 *
 * A folder gets that name by one rename when it is complete, so what a killed process leaves is never taken for whole,
 * and processes that fill the same entry at once do not disturb each other.
 */
export function createCache(folder: string) {
  const entryOf = (sha256: string) => join(folder, sha256);

  async function remove(sha256: string): Promise<void> {
    const doomed = makeTemporary(folder);
    const taken = await rename(entryOf(sha256), doomed).then(
      () => true,
      () => false,
    );
    if (taken) await rm(doomed, { recursive: true, force: true });
  }

  return {
    /** A new empty folder to fill, for `admit`. */
    async stage(): Promise<string> {
      const staged = makeTemporary(folder);
      await mkdir(staged, { recursive: true });
      return staged;
    },

    /** Takes a filled folder as the entry of this digest; when another process was first, its copy stays. */
    async admit(staged: string, sha256: string): Promise<string> {
      try {
        await rename(staged, entryOf(sha256));
      } catch (error) {
        if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        await rm(staged, { recursive: true, force: true });
      }
      return entryOf(sha256);
    },

    /** The entry of this reference, marked as used now; undefined when there is none, or not all of it. */
    async find({ sha256, sizeBytes }: ArtifactRef): Promise<string | undefined> {
      const entry = entryOf(sha256);
      const present = await sizeBelow(entry).catch(() => undefined);
      if (present === undefined) return undefined;
      if (present !== sizeBytes) {
        // Somebody deleted or changed files in it, or the machine lost power while it was written.
        await remove(sha256);
        return undefined;
      }
      const now = new Date();
      await utimes(entry, now, now);
      return entry;
    },

    /** Removes the entries that were not used for longest until the rest fits (bytes); none of the last hour's. */
    async trim(maxBytes: number): Promise<Trimmed> {
      await mkdir(folder, { recursive: true });
      await sweepAbandoned(folder);
      const entries = await listEntries(folder);
      const result: Trimmed = {
        removed: 0,
        freedBytes: 0,
        keptBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      };
      for (const { sha256, bytes, usedMs } of entries.sort((a, b) => a.usedMs - b.usedMs)) {
        if (result.keptBytes <= maxBytes || Date.now() - usedMs < IN_USE_MS) break;
        await remove(sha256);
        result.removed += 1;
        result.freedBytes += bytes;
        result.keptBytes -= bytes;
      }
      return result;
    },
  };
}

async function listEntries(folder: string) {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const entries = await Promise.all(
    names.map(async (sha256) => {
      const path = join(folder, sha256);
      // Another process may trim too.
      const [bytes, status] = await Promise.all([sizeBelow(path), stat(path)]).catch(() => []);
      return bytes === undefined || status === undefined ? undefined : { sha256, bytes, usedMs: status.mtimeMs };
    }),
  );
  return entries.filter((entry) => entry !== undefined);
}
