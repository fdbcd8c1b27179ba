import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX = 'incomplete-';
/** No transfer goes a day without touching its file or folder, so an older one was left by a process that was killed. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** A new name in the folder for what is not complete yet. */
export function makeTemporary(folder: string): string {
  return join(folder, `${PREFIX}${randomUUID()}`);
}

/** Removes what killed processes left incomplete in the folder. */
export async function sweepAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(folder, name);
    // Whoever made it may finish or remove it at this moment.
    const modified = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - modified > ABANDONED_AFTER_MS) await rm(path, { recursive: true, force: true });
  }
}
