import { randomBytes, randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The secret in a file of ours, which is made when there is none: for its owner only, whole or not at all. */
export function ensureSecretFile(file: string): string {
  const read = () => readFileSync(file, 'utf8').trim();
  const known = unless('ENOENT', read);
  if (known !== undefined) return known;
  const draft = `${file}.${randomUUID()}.draft`;
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
    // Of two that start at once, both go on with the secret of the first.
    unless('EEXIST', () => name(draft, file));
  } finally {
    rmSync(draft, { force: true });
  }
  return read();
}

/** Not every file system has links. */
function name(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch {
    copyFileSync(draft, file, constants.COPYFILE_EXCL);
  }
}

/** What the body gives; undefined when it throws with this code. */
function unless<Value>(code: string, body: () => Value): Value | undefined {
  try {
    return body();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error;
    return undefined;
  }
}
