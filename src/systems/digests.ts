import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** SHA-256 of a file, in hex; the file is streamed. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** SHA-256 of a value's JSON, in hex. The order of keys counts. */
export function sha256OfJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** SHA-256 of the names and contents of a folder's files with this ending, in hex. */
export async function sha256OfFolder(folder: string, ending: string): Promise<string> {
  const hash = createHash('sha256');
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((name) => name.endsWith(ending)).sort()) {
    hash.update(name).update(await readFile(join(folder, name)));
  }
  return hash.digest('hex');
}

/** SHA-256 of a file, or of the names and contents of all files in a folder, in hex. */
export async function sha256OfPath(path: string): Promise<string> {
  if (!(await stat(path)).isDirectory()) return await sha256OfFile(path);
  const hash = createHash('sha256');
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(relative(path, file)).update(await sha256OfFile(file));
  return hash.digest('hex');
}
