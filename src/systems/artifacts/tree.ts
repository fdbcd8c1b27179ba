import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

interface TreeFile {
  /** Relative, with forward slashes. */
  path: string;
  sizeBytes: number;
}

/**
 * All files below a folder.
 *
 * @throws when there is something else than files and folders, such as a symbolic link
 */
export async function filesBelow(folder: string): Promise<TreeFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const other = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (other)
    throw new Error(
      `${join(other.parentPath, other.name)} is neither a file nor a folder; an artifact holds only those.`,
    );
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.map(async (file) => ({
      path: relative(folder, file).split(sep).join('/'),
      sizeBytes: (await lstat(file)).size,
    })),
  );
}

/** Size of all files below a folder (bytes). */
export async function sizeBelow(folder: string): Promise<number> {
  return (await filesBelow(folder)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
