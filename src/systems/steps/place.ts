import { constants, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type ExecaError, execa } from 'execa';
import { type Config, fromRoot } from '../../config.ts';
import { ownEnvironment } from '../processes/environment.ts';
import { isFolderOfDead, ownFolderName } from '../processes/processTable.ts';
import { invalidSetting } from './errors.ts';
import type { CommandSettings } from './step.ts';

/** Where a command runs. */
export interface Place {
  /** The project, or its copy. */
  project: string;
  cwd: string;
  /** Whether the project is a copy that nobody else uses. */
  isolated: boolean;
  /** Removes a copy. */
  leave(): Promise<void>;
}

interface Request {
  config: Config;
  settings: CommandSettings;
  workDir: string;
  signal: AbortSignal;
}

/**
 * Makes the place of one attempt: the project itself, a copy of it, or a git worktree of what is committed.
 *
 * @throws {StepProblem} InvalidConfig, for a worktree of what is no git checkout
 */
export async function openPlace(request: Request): Promise<Place> {
  const { config, settings, workDir } = request;
  const { isolate } = settings;
  const at = (project: string) => ({ project, cwd: cwdIn(config, project, settings) });
  if (isolate === 'none') return { ...at(config.root), isolated: false, leave: async () => {} };
  const copy = join(workDir, 'project');
  const leave = isolate === 'copy' ? () => remove(copy) : () => removeWorktree(config, copy);
  try {
    const project = isolate === 'copy' ? await copied(request, copy) : await worktree(request, copy);
    return { ...at(project), isolated: true, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** The working directory of a command in the project, or in a copy of it. */
export function cwdIn(config: Config, project: string, { cwd = '.' }: CommandSettings): string {
  const inRoot = relative(config.root, resolve(config.root, cwd));
  // A working directory outside the project has no copy.
  return inRoot.startsWith('..') ? fromRoot(config, cwd) : join(project, inRoot);
}

async function copied({ config, signal }: Request, copy: string): Promise<string> {
  await copyTree(config.root, copy, signal, [fromRoot(config, config.stack.dir)]);
  return copy;
}

async function worktree({ config, settings, signal }: Request, copy: string): Promise<string> {
  const prefix = await git(config.root, ['rev-parse', '--show-prefix'], signal).catch((error: ExecaError) => {
    signal.throwIfAborted();
    throw invalidSetting.noCheckout(settings.name, config.root, String(error.stderr || error.message));
  });
  await git(config.root, ['worktree', 'add', '--detach', copy, 'HEAD'], signal);
  const project = join(copy, prefix);
  const { venv } = settings;
  // An environment is seldom committed; the scripts may name it by its relative path.
  if (venv && !settings.image && !relative(config.root, fromRoot(config, venv)).startsWith('..')) {
    const link = join(project, relative(config.root, fromRoot(config, venv)));
    if (!existsSync(link)) {
      await mkdir(dirname(link), { recursive: true });
      await symlink(fromRoot(config, venv), link);
    }
  }
  return project;
}

/** Also forgets what is left of a worktree whose worker was killed. */
async function removeWorktree({ root }: Config, copy: string): Promise<void> {
  await git(root, ['worktree', 'remove', '--force', '--force', copy]).catch(() => undefined);
  await remove(copy);
  await git(root, ['worktree', 'prune']).catch(() => undefined);
}

const remove = (folder: string) => rm(folder, { recursive: true, force: true });

async function git(cwd: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  const { stdout } = await execa('git', args, { ...ownEnvironment(), cwd, ...(signal && { cancelSignal: signal }) });
  return stdout.trim();
}

/** Names that no program misses in a copy: history, and caches. */
const LEFT_OUT = new Set(['.git', '__pycache__']);
/** Names of folders that are large, and read only by convention: the copy has a link to them. */
const LINKED = new Set(['node_modules']);

/**
 * Copies a project. Files share their blocks with the originals where the file system can do so, until one of the two
 * is changed; virtual environments are linked. Links inside the project stay links inside the copy. (Node's own `cp`
 * refuses to copy a folder into one of its own.)
 *
 * @param leaveOut folders and files, by absolute path
 */
async function copyTree(from: string, to: string, signal: AbortSignal, leaveOut: string[] = []): Promise<void> {
  const root = { from, to };
  const copyFolder = async (folder: string, target: string): Promise<void> => {
    await mkdir(target, { recursive: true });
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      signal.throwIfAborted();
      const [source, copy] = [join(folder, entry.name), join(target, entry.name)];
      if (LEFT_OUT.has(entry.name) || leaveOut.includes(source)) continue;
      if (entry.isSymbolicLink()) await copyLink(source, copy, root);
      else if (entry.isDirectory()) {
        const isLinked = LINKED.has(entry.name) || (await isVenv(source));
        await (isLinked ? symlink(source, copy) : copyFolder(source, copy));
      } else if (entry.isFile()) await copyFile(source, copy, constants.COPYFILE_FICLONE);
    }
  };
  await copyFolder(from, to);
}

/** Copies a data set of the cache so that its reader may change it: the cache's own files are read only. */
export async function copyWritable(from: string, to: string, signal: AbortSignal): Promise<void> {
  await copyTree(from, to, signal);
  for (const entry of await readdir(to, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o600);
  }
}

async function copyLink(source: string, copy: string, root: { from: string; to: string }): Promise<void> {
  const target = await readlink(source);
  const absolute = resolve(dirname(source), target);
  const inside = relative(root.from, absolute);
  const isInside = !inside.startsWith('..') && !isAbsolute(inside);
  await symlink(isInside ? join(root.to, inside) : absolute, copy);
}

async function isVenv(folder: string): Promise<boolean> {
  return (await readdir(folder)).includes('pyvenv.cfg');
}

const allWork = (config: Config) => join(fromRoot(config, config.stack.dir), 'work');

/** The folder below which this process keeps the folders of its steps. */
export function ownWork(config: Config): string {
  return join(allWork(config), ownFolderName());
}

/** Removes what workers of this host that are dead have left, copies of the project among it. */
export async function removeStaleWork(config: Config): Promise<void> {
  const names = await readdir(allWork(config)).catch(() => []);
  const stale = names.filter(isFolderOfDead);
  for (const name of stale) await remove(join(allWork(config), name));
  // Git keeps a note of each worktree; without a checkout there is none.
  if (stale.length > 0)
    await execa('git', ['worktree', 'prune'], { ...ownEnvironment(), cwd: config.root, reject: false });
}
