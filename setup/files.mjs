import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** SHA-256 of a file (hexadecimal). */
export function digestOf(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The content of a JSON file, or undefined when there is none that can be read. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Writes a JSON file at once or not at all. */
export function writeJson(path, content) {
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(draft, path);
}
