import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

interface Placing {
  /** What to do when there is a file of that name: take its place, or leave it and fail with EEXIST. */
  ifThere?: 'replace' | 'fail';
  /** Permissions, for instance 0o600 for its owner only. */
  mode?: number;
  /** Looks at the finished draft before it gets its name; what this throws is thrown, and nothing was placed. */
  check?(draft: string): void;
}

/**
 * Writes a file, in a folder that is made when it is missing, so that a reader sees the one before or the whole new one,
 * whatever stops us in between and however many do the same at once.
 */
export async function placeFile(
  file: string,
  content: string | Uint8Array,
  { ifThere = 'replace', mode = 0o666, check }: Placing = {},
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // Of this call alone: two of one process may write the same file at once.
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.draft`);
  try {
    await writeDurably(draft, content, mode);
    check?.(draft);
    if (ifThere === 'replace') await rename(draft, file);
    else await nameOnce(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Gives a finished file its name. Unlike a rename, a link does not replace what somebody else has written meanwhile; not
 * every file system has one.
 *
 * @throws with the code EEXIST when there is a file of that name
 */
export async function nameOnce(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(draft, file, constants.COPYFILE_EXCL);
  }
}

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
