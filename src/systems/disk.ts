import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Config, fromRoot } from '../config.ts';

const GIB = 2 ** 30;
/** Below it a retrain or an image may still fit (bytes). */
const LOW_BYTES = 5 * GIB;
/** Below it data bases and models are at risk (bytes). */
const FULL_BYTES = GIB;

/** The space left for the state folder and, where the artifact store is a folder, for that. */
export async function lookAtDisk(config: Config) {
  const { store } = config.artifacts;
  const folders = [config.stack.dir, ...(store === 'mlflow' ? [] : [store])].map((folder) => fromRoot(config, folder));
  return await Promise.all(folders.map(async (folder) => judgeSpace(folder, await freeBytesOf(folder))));
}

export function judgeSpace(folder: string, freeBytes: number) {
  const code = freeBytes < FULL_BYTES ? 'diskFull' : freeBytes < LOW_BYTES ? 'diskSpaceLow' : 'diskSpace';
  return { code, facts: { folder, freeBytes } } as const;
}

/** What a user may write; of a folder that is not there yet, on the disk where it would be. */
async function freeBytesOf(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    return await freeBytesOf(above);
  }
}
