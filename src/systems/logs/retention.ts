import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../artifacts/index.ts';
import { isRunFolder, LOGS_ROOT, parseSegmentName } from './layout.ts';

interface Kept {
  /** Absent: only this host's files. */
  backend?: Backend | undefined;
  /** Folders of this host whose files are logs or marks, each in a folder of its own. */
  folders: readonly string[];
  /** What was not written since then goes (Unix time, ms). */
  before: number;
  signal: AbortSignal;
}

/** Removes old logs from this host and from the store. Several workers may do so at once. */
export async function removeOldLogs({ backend, folders, before, signal }: Kept): Promise<void> {
  for (const folder of folders) await removeOldFiles(folder, before);
  if (backend) await removeOldRuns(backend, LOGS_ROOT, before, signal);
}

async function removeOldFiles(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const inner = join(folder, name);
    for (const file of await readdir(inner).catch(() => [])) {
      const path = join(inner, file);
      const status = await stat(path).catch(() => undefined);
      if (status?.isFile() && status.mtimeMs < before) await rm(path, { force: true });
    }
    // Only an empty folder can be removed so.
    await rmdir(inner).catch(() => undefined);
  }
}

/** Removes the runs below a folder that wrote nothing since then; tells whether nothing is left in the folder. */
async function removeOldRuns(backend: Backend, folder: string, before: number, signal: AbortSignal): Promise<boolean> {
  const listed = await backend.list(folder, { signal });
  let left = listed.length;
  for (const { name } of listed.filter(({ isDirectory }) => isDirectory)) {
    const path = `${folder}/${name}`;
    const goes = isRunFolder(name)
      ? (await newestIn(backend, path, signal)) < before
      : await removeOldRuns(backend, path, before, signal);
    if (!goes) continue;
    await backend.removeFolder(path, { signal });
    left -= 1;
  }
  return left === 0;
}

/** When a run last shipped something (Unix time, ms); infinity for what holds no logs. */
async function newestIn(backend: Backend, folder: string, signal: AbortSignal): Promise<number> {
  const listed = await backend.list(folder, { signal });
  const times = listed.flatMap(({ name }) => parseSegmentName(name)?.at ?? []);
  return times.length > 0 ? Math.max(...times) : Number.POSITIVE_INFINITY;
}
