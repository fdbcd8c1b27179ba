import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { judgeSpace } from '../judge/disk.ts';

/** The disks of our own state and of the artifact store have space. */
export const diskCheck: Check = {
  name: 'Disk',
  run: ({ config }) => examineDisk(config),
};

/** The space left for the state folder and, where the artifact store is a folder, for that. */
export async function examineDisk(config: Config): Promise<Finding[]> {
  const { store } = config.artifacts;
  const folders = [config.stack.dir, ...(store === 'mlflow' ? [] : [store])].map((folder) => fromRoot(config, folder));
  return await Promise.all(folders.map(async (folder) => judgeSpace(folder, await freeBytes(folder))));
}

/** What a user may write; of a folder that is not there yet, on the disk where it would be. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    return await freeBytes(above);
  }
}
