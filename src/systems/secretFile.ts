import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { placeFile } from './files.ts';

/** The secret in a file of ours, which is made when there is none: for its owner only, whole or not at all. */
export async function ensureSecretFile(file: string): Promise<string> {
  const made = `${randomBytes(32).toString('hex')}\n`;
  // Of two that start at once, both go on with the secret of the first.
  await placeFile(file, made, { ifThere: 'fail', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}
