import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';

/**
 * Where a program lies that the system would start; undefined when there is none, or it may not be executed.
 *
 * @param searchPath folders of bare names, as in PATH
 */
export async function findProgram(program: string, searchPath: string, cwd: string): Promise<string | undefined> {
  const folders = program.includes('/') ? [''] : searchPath.split(delimiter).filter(Boolean);
  for (const folder of folders) {
    const path = resolve(cwd, folder, program);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/** Whether a file may be executed. */
export async function isExecutable(path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false;
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
