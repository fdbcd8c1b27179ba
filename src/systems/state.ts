import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { type Config, fromRoot } from '../config.ts';

/**
 * Makes the folder of the state, for this user alone, and lets this process and all that it starts make files for this
 * user alone from now on: they hold records of patients. To be called once, by the main file of a process.
 *
 * @returns the folder
 */
export function openState(config: Config): string {
  process.umask(0o077);
  const dir = fromRoot(config, config.stack.dir);
  mkdirSync(dir, { recursive: true });
  try {
    chmodSync(dir, 0o700);
  } catch (error) {
    // A mounted volume may belong to somebody else: who may look into it is decided there.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
  const holdsProject = !relative(dir, config.root).startsWith('..');
  const ignored = join(dir, '.gitignore');
  if (!holdsProject && !existsSync(ignored)) writeFileSync(ignored, '*\n');
  return dir;
}
