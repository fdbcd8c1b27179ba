import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

export async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

export async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Why a program cannot be started; null when it can.
 *
 * @param program a bare name, which is looked for on the search path, or a path as seen from where it runs
 */
export async function programProblem(
  program: string,
  { cwd, path }: { cwd: string; path: string },
): Promise<string | null> {
  if (program.includes('/')) {
    const file = resolve(cwd, program);
    if (!(await isThere(file))) return `there is no ${file}`;
    return (await isExecutable(file))
      ? null
      : `${file} is not executable: chmod +x it, or name its interpreter before it`;
  }
  for (const folder of path.split(delimiter).filter(Boolean)) {
    if (await isExecutable(join(folder, program))) return null;
  }
  return `the program "${program}" is not on the search path; install it, or set venv, python or image`;
}

async function isExecutable(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return false;
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What an interpreter is to run: `python train.py`, `python -m scripts.train`, `bash train.sh`. */
export async function scriptProblem([program = '', ...args]: readonly string[], cwd: string): Promise<string | null> {
  const name = program.split('/').at(-1) ?? '';
  if (/^python[\d.]*$/.test(name)) return await pythonProblem(args, cwd);
  return /^(ba|z|da)?sh$|^Rscript$|^julia$|^node$/.test(name) ? await fileProblem(args[0], cwd) : null;
}

/** Python's options are told only as far as they take no value: `python -u train.py`. */
async function pythonProblem(args: readonly string[], cwd: string): Promise<string | null> {
  const first = args.findIndex((arg) => !/^-[ubBdEiIOPqsSvx]+$/.test(arg));
  return args[first] === '-m' ? await moduleProblem(args[first + 1], cwd) : await fileProblem(args[first], cwd);
}

/** What is only known when it runs cannot be looked for. */
async function fileProblem(script: string | undefined, cwd: string): Promise<string | null> {
  if (!script || script.startsWith('-') || isUnknown(script)) return null;
  return (await isThere(resolve(cwd, script))) ? null : `there is no ${resolve(cwd, script)}`;
}

/** A module that is not of the project is one that is installed. */
async function moduleProblem(name: string | undefined, cwd: string): Promise<string | null> {
  const parts = (name ?? '').split('.');
  if (parts.length < 2 || !(await isFolder(join(cwd, parts[0] as string)))) return null;
  const module = join(cwd, ...parts);
  const found = (await isThere(`${module}.py`)) || (await isThere(join(module, '__main__.py')));
  return found ? null : `there is no module ${name} in ${cwd}: neither ${module}.py nor ${join(module, '__main__.py')}`;
}

/** Whether a sample names something that is only known when it runs. */
export const isUnknown = (text: string) => /<[\w.-]+>/.test(text);
