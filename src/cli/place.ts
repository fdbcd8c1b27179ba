import { constants } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';

/**
 * Gives a finished file its name. Unlike a rename, a link does not replace what somebody else has written meanwhile; not
 * every file system has one.
 *
 * @throws with the code EEXIST when there is a file of that name
 */
export async function place(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file);
  } catch (error) {
    if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(draft, file, constants.COPYFILE_EXCL);
  }
}

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
