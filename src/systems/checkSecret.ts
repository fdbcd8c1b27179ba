import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rememberSecrets } from '../config/redaction.ts';
import { type Config, fromRoot } from '../config.ts';

/**
 * What gateway and deployment workers of one host share with the APIs that they start: whoever sends it learns why there
 * is no model, and its predictions are not logged. A file in `stack.dir`, for its owner only, made when it is missing.
 */
export function checkSecret(config: Config): string {
  const file = join(fromRoot(config, config.stack.dir), 'check-secret');
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  const made = randomBytes(32).toString('hex');
  rememberSecrets([made]);
  const draft = `${file}.${made.slice(0, 8)}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(draft, made, { mode: 0o600 });
  try {
    linkSync(draft, file);
    return made;
  } catch (error) {
    // Of two that start at once, both go on with the secret of the first.
    if (isCode(error, 'EEXIST')) return readFileSync(file, 'utf8');
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** Header of a deployment check; the bundled API knows it by the same name. */
export const checkHeader = (secret: string) => ({ 'x-mediwatch-verify': secret });
