import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { environmentOf } from './environment.mjs';
import { programs } from './paths.mjs';
import { SetupProblem } from './problem.mjs';

const OLDEST = [3, 10];
/** Versions with ready-made packages first, the newest of them first; then whatever the user calls python3. */
const NAMES = ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3'];
const QUESTION =
  'import sys, importlib.util as u; print(*sys.version_info[:2], all(map(u.find_spec, ["venv", "ensurepip"])))';

/**
 * Asks a Python what it is.
 *
 * @returns {Promise<{minor: string, isSupported: boolean, hasVenv: boolean} | undefined>} undefined: it does not run
 */
export async function inspect(python) {
  try {
    const { stdout } = await promisify(execFile)(python, ['-I', '-S', '-c', QUESTION], {
      env: environmentOf(['computing']),
      timeout: 20_000,
    });
    const [major, minor, hasVenv] = stdout.trim().split(' ');
    const isSupported = Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1];
    return { minor: `${major}.${minor}`, isSupported, hasVenv: hasVenv === 'True' };
  } catch {
    return undefined;
  }
}

/** What MEDIWATCH_SETUP_PYTHON names, if it is set. */
export async function wantedPython(env) {
  const path = env.MEDIWATCH_SETUP_PYTHON;
  if (!path) return undefined;
  const found = await inspect(path);
  if (!found) throw new SetupProblem(`MEDIWATCH_SETUP_PYTHON names ${path}, which is not a Python that runs.`);
  return found;
}

/**
 * The Python to make the venv with.
 *
 * @returns {Promise<string>} its path
 * @throws {SetupProblem} when there is none that is new enough and has the venv module
 */
export async function findPython(env) {
  const candidates = env.MEDIWATCH_SETUP_PYTHON
    ? [env.MEDIWATCH_SETUP_PYTHON]
    : NAMES.flatMap((name) => programs(name, env));
  const found = [];
  for (const path of candidates) {
    const python = await inspect(path);
    if (python?.isSupported && python.hasVenv) return path;
    if (python) found.push({ path, ...python });
  }
  throw new SetupProblem(sentenceFor(found));
}

function sentenceFor(found) {
  const oldest = OLDEST.join('.');
  const bare = found.find((python) => python.isSupported);
  if (bare) {
    const debian = bare.path.startsWith('/usr/bin/') ? `python${bare.minor}-venv` : 'python3-venv';
    return `${bare.path} has no venv module: install it (Debian, Ubuntu: apt-get install ${debian}) and start again.`;
  }
  const how = `install Python ${oldest} or newer with venv (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12), or name one in MEDIWATCH_SETUP_PYTHON, and start again.`;
  const [old] = found;
  if (old) return `${old.path} is Python ${old.minor}, which is too old: ${how}`;
  return `Python is missing: ${how}`;
}
