import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where a runner is to write its report; the one of an earlier run is removed, so that it cannot be taken for this. */
export function reportPath(name: string): string {
  const folder = join(ROOT, 'test-output');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  rmSync(path, { force: true });
  return path;
}

/** The report; empty when the runner did not come to write it. */
export function readReport(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
