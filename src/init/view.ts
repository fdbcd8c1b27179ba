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
const FOREIGN = /^(\.(?!github$).*|node_modules|site-packages|__pycache__|mlruns|mlartifacts|build|dist|htmlcov)$/;

/** Reads the names of a project's files. Links to folders are not followed, so it comes to an end. */
export async function openProject(root: string): Promise<ProjectView> {
  const files: string[] = [];
  const environments: string[] = [];
  const leftOut = new Set<string>();
  const folders = [''];
  for (const folder of folders) {
    // A folder that may not be read has nothing to tell.
    for (const entry of await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])) {
      const path = folder ? `${folder}/${entry.name}` : entry.name;
      // What venv and conda leave in an environment.
      const isEnvironment = ['pyvenv.cfg', 'conda-meta'].some((mark) => existsSync(join(root, path, mark)));
      if (isEnvironment) environments.push(path);
      else if (!entry.isDirectory()) files.push(...(sizeOf(join(root, path)) === undefined ? [] : [path]));
      else if (FOREIGN.test(entry.name)) continue;
      else if (path.split('/').length <= DEEPEST) folders.push(path);
      else leftOut.add(`folders more than ${DEEPEST} deep, such as ${path}`);
    }
    if (files.length <= MOST_FILES) continue;
    leftOut.add(`all but the first ${MOST_FILES} files`);
    break;
  }
  return {
    ...{ root, name: basename(root), leftOut: [...leftOut], environments: environments.sort() },
    files: files.slice(0, MOST_FILES).sort(),
    text: (path) => readText(join(root, path)),
    size: (path) => sizeOf(join(root, path)) ?? 0,
    tracked: await trackedFiles(root),
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

/** Bytes of a file; a link that leads round in a circle is none. */
function sizeOf(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    if ((sizeOf(path) ?? Number.POSITIVE_INFINITY) > LARGEST_TEXT) return undefined;
    const text = readFileSync(path, 'utf8');
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
