import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { parseJson } from '../contracts/text.ts';
import { ownEnvironment } from '../systems/processes/environment.ts';
import { type Finding, finding } from '../words/findings.ts';

const SCRIPT = fileURLToPath(new URL('./imports.py', import.meta.url));
/** A person waits (ms). */
const LIMIT_MS = 10_000;

/** What a Python is to run. */
export interface Entry {
  /** The interpreter. */
  python: string;
  /** Where it runs. */
  folder: string;
  env: Record<string, string | undefined>;
  script?: string;
  module?: string;
  /** A WSGI or ASGI app: `api.main:app`. */
  app?: string;
}

const Found = z.object({
  missing: z.array(z.object({ module: z.string(), file: z.string(), line: z.number() })),
  module: z.enum(['missing', 'noMain']).nullable(),
  app: z.enum(['missing', 'noAttribute']).nullable(),
});

/**
 * Asks the Python of a command where the modules are that it imports, and those that these import of the project. None of
 * them is imported. A Python that cannot say it is no fault of the settings.
 */
export async function examineImports({ python, folder, env, script, module, app }: Entry): Promise<Finding[]> {
  const given = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { stdout } = await execa(python, ['-B', SCRIPT], {
    ...ownEnvironment(['computing'], given),
    cwd: folder,
    input: JSON.stringify({ folder, script, module, app }),
    timeout: LIMIT_MS,
    reject: false,
  });
  const found = Found.safeParse(parseJson(stdout ?? '')).data;
  if (!found) return [];
  return [
    ...(found.module === 'missing' && module ? [finding('moduleMissing', { module, folder, python })] : []),
    ...(found.module === 'noMain' && module ? [finding('moduleNotRunnable', { module })] : []),
    ...(found.app && app ? [finding('appMissing', { app, folder, isModule: found.app === 'missing' })] : []),
    ...found.missing.map(({ module: name, file, line }) =>
      finding('importMissing', { module: name, where: `${relative(folder, file) || file}:${line}`, python }),
    ),
  ];
}

/** Servers of WSGI and ASGI apps, and the options of theirs that say where the app is looked for. */
const SERVERS = /^(uvicorn|gunicorn|hypercorn|daphne|granian|waitress-serve)$/;
const FOLDER_OPTIONS = ['--app-dir', '--chdir', '--working-dir', '--pythonpath'];

/**
 * What a command lets a Python run; undefined: something else, or nobody can say.
 *
 * @param program where its first word was found
 * @param pythonBeside the Python of the folder of a console script
 */
export function entryOf(
  [name = '', ...args]: readonly string[],
  place: { program: string; pythonBeside: string | undefined; folder: string },
): Pick<Entry, 'python' | 'folder' | 'script' | 'module' | 'app'> | undefined {
  const { program, pythonBeside, folder } = place;
  const base = name.split('/').at(-1) ?? '';
  if (SERVERS.test(base)) return pythonBeside ? { python: pythonBeside, ...appOf(args, folder) } : undefined;
  if (!/^python[\d.]*$/.test(base)) return undefined;
  // Only options without a value are skipped: `python -u train.py`.
  const first = args.findIndex((arg) => !/^-[ubBdEiIOPqsSvx]+$/.test(arg));
  const [what = '', ...rest] = args.slice(first < 0 ? args.length : first);
  if (what === '-m') {
    const [module = '', ...others] = rest;
    // A step that calls our package by name finds it, in whatever Python.
    if (module === 'mediwatch_training') return undefined;
    if (SERVERS.test(module)) return { python: program, ...appOf(others, folder), module };
    return /^[\w.]+$/.test(module) ? { python: program, folder, module } : undefined;
  }
  return /\.py$/.test(what) ? { python: program, folder, script: join(folder, what) } : undefined;
}

function appOf(args: readonly string[], folder: string): Pick<Entry, 'folder' | 'app'> {
  const option = args.findIndex((arg) => FOLDER_OPTIONS.includes(arg));
  const app = args.find((arg) => /^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(.*\))?$/.test(arg));
  const chosen = option < 0 ? '.' : (args[option + 1] ?? '.');
  return { folder: join(folder, chosen), ...(app && { app }) };
}
