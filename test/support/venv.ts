import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../src/config.ts';

/** Making one fetches some hundred megabytes, or as much as pip has not kept; then it is there for all later runs. */
export const VENV_WITHIN_MS = 600_000;
const CACHE = join(tmpdir(), 'mediwatch-test-venvs');
const MAKE = fileURLToPath(new URL('venv.py', import.meta.url));
/** Packages of other years have no wheels for the newest Python. */
const PYTHONS = ['python3.11', 'python3.12', 'python3.10', join(PROJECT_ROOT, 'python/.venv/bin/python')];

/**
 * A virtual environment with what a file of requirements says, apart from ours: made once for its content, in a folder
 * below the system's temporary one, also when several test files ask at once.
 *
 * @returns its folder
 * @throws when pip cannot install it, with what pip said
 */
export async function venvOf(requirementsFile: string): Promise<string> {
  const { python, version } = await firstPython();
  const content = await readFile(requirementsFile);
  const digest = createHash('sha256').update(version).update(content).digest('hex').slice(0, 16);
  const folder = join(CACHE, digest);
  await execa(python, ['-I', MAKE, folder, requirementsFile], { timeout: VENV_WITHIN_MS });
  return folder;
}

/** The first that runs and can make environments. */
async function firstPython(): Promise<{ python: string; version: string }> {
  for (const python of PYTHONS) {
    const question = 'import ensurepip, sys, venv; print(sys.version, sys.base_prefix)';
    const { exitCode, stdout } = await execa(python, ['-I', '-c', question], { reject: false });
    if (exitCode === 0) return { python, version: stdout };
  }
  throw new Error(`None of ${PYTHONS.join(', ')} runs with venv and ensurepip.`);
}
