import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { ownEnvironment } from '../systems/processes/environment.ts';

/** A project as the detectors see it: names and texts, nothing that could change or run it. */
export interface ProjectView {
  root: string;
  /** The folder's own name. */
  name: string;
  /** Every file, relative to the project, with `/`, sorted. */
  files: readonly string[];
  /** Folders that are virtual environments. */
  environments: readonly string[];
  /** Text of a file; undefined for one that is absent, too large, or no text. */
  text(path: string): string | undefined;
  /** Bytes of a file; 0 for one that is absent. */
  size(path: string): number;
  /** Files that git tracks, relative to the project. */
  tracked: ReadonlySet<string>;
  /** What was not looked at, as text. */
  leftOut: readonly string[];
}

/** A source or a setting is smaller than this (bytes). */
const LARGEST_TEXT = 512 * 1024;
const MOST_FILES = 20_000;
const DEEPEST = 8;

/** Folders that hold nothing that the project's people wrote. */
const FOREIGN = new Set([
  'node_modules',
  'site-packages',
  '__pycache__',
  'mlruns',
  'mlartifacts',
  'build',
  'dist',
  'htmlcov',
]);

/** What venv and conda leave in an environment. */
const ENVIRONMENT_MARKS = ['pyvenv.cfg', 'conda-meta'];

/** Reads the names of a project's files. Links to folders are not followed, so it comes to an end. */
export async function openProject(root: string): Promise<ProjectView> {
  const files: string[] = [];
  const environments: string[] = [];
  const leftOut = new Set<string>();
  const pending: Array<{ path: string; depth: number }> = [{ path: '', depth: 0 }];
  for (let folder = pending.shift(); folder; folder = pending.shift()) {
    for (const entry of await list(join(root, folder.path))) {
      const path = folder.path ? `${folder.path}/${entry.name}` : entry.name;
      if (ENVIRONMENT_MARKS.some((mark) => existsSync(join(root, path, mark)))) environments.push(path);
      else if (entry.isDirectory()) {
        if (!isProjects(entry.name)) continue;
        if (folder.depth < DEEPEST) pending.push({ path, depth: folder.depth + 1 });
        else leftOut.add(`folders more than ${DEEPEST} deep, such as ${path}`);
      } else if (isFile(join(root, path))) files.push(path);
    }
    if (files.length > MOST_FILES) {
      leftOut.add(`all but the first ${MOST_FILES} files`);
      break;
    }
  }
  return {
    root,
    name: basename(root),
    files: files.slice(0, MOST_FILES).sort(),
    environments: environments.sort(),
    text: (path) => readText(join(root, path)),
    size: (path) => statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0,
    tracked: await trackedFiles(root),
    leftOut: [...leftOut],
  };
}

/** Nothing that a repository's own settings name is run. */
async function trackedFiles(root: string): Promise<ReadonlySet<string>> {
  const git = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', 'ls-files', '-z'];
  const { stdout, failed } = await execa('git', git, {
    cwd: root,
    ...ownEnvironment(),
    reject: false,
    timeout: 10_000,
  });
  return new Set(failed ? [] : stdout.split('\0').filter(Boolean));
}

/** A folder that may not be read has nothing to tell. */
async function list(folder: string) {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

function isProjects(name: string): boolean {
  return name === '.github' || !(name.startsWith('.') || FOREIGN.has(name));
}

/** Links to files count; a link that leads round in a circle is none. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    if (statSync(path).size > LARGEST_TEXT) return undefined;
    const text = readFileSync(path, 'utf8');
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
