import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { type ExecaError, execa } from 'execa';
import { type Config, fromRoot } from '../../config.ts';
import { copyTree } from './copyTree.ts';
import { wrongSettings } from './errors.ts';
import type { CommandSettings } from './settings.ts';

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
 * @throws {StepError} InvalidConfig, for a worktree of what is no git checkout
 */
export async function openPlace(request: Request): Promise<Place> {
  const { config, settings, workDir } = request;
  const { isolate } = settings;
  const at = (project: string) => ({ project, cwd: cwdIn(config, project, settings) });
  if (isolate === 'none') return { ...at(config.root), isolated: false, leave: async () => {} };
  const copy = join(workDir, 'project');
  try {
    const project = isolate === 'copy' ? await copied(request, copy) : await worktree(request, copy);
    const leave = () =>
      isolate === 'copy' ? rm(copy, { recursive: true, force: true }) : removeWorktree(config, copy);
    return { ...at(project), isolated: true, leave };
  } catch (error) {
    await (isolate === 'copy' ? rm(copy, { recursive: true, force: true }) : removeWorktree(config, copy));
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
  await copyTree(config.root, copy, { leaveOut: [fromRoot(config, config.stack.dir)], signal });
  return copy;
}

async function worktree({ config, settings, signal }: Request, copy: string): Promise<string> {
  const prefix = await git(config.root, ['rev-parse', '--show-prefix'], signal).catch((error: ExecaError) => {
    signal.throwIfAborted();
    throw wrongSettings(
      `${settings.name}.isolate is "worktree", but ${config.root} is no git checkout with a commit: ${error.stderr || error.message}`,
    );
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

/** What is left of a worktree whose worker was killed is forgotten here too. */
async function removeWorktree({ root }: Config, copy: string): Promise<void> {
  await git(root, ['worktree', 'remove', '--force', '--force', copy]).catch(() => undefined);
  await rm(copy, { recursive: true, force: true });
  await git(root, ['worktree', 'prune']).catch(() => undefined);
}

async function git(cwd: string, args: readonly string[], signal?: AbortSignal): Promise<string> {
  const { stdout } = await execa('git', args, { cwd, ...(signal && { cancelSignal: signal }) });
  return stdout.trim();
}
