import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOf } from '../environment.mjs';
import { digestOf, readJson, writeJson } from '../files.mjs';
import { ROOT } from '../paths.mjs';
import { commandProblem } from '../problem.mjs';
import { findPython, inspect, wantedPython } from '../python.mjs';
import { run } from '../run.mjs';

const FOLDER = join(ROOT, 'python');
const VENV = join(FOLDER, '.venv');
const PYTHON = join(VENV, 'bin', 'python');
/** Says what is installed; written last. */
const STAMP = join(VENV, 'mediwatch-setup.json');
/** There while a set-up is at work: found by the next one, it means that the venv cannot be trusted. */
const UNFINISHED = join(VENV, 'mediwatch-unfinished');

/** The venv of the training package, with exactly the packages of its requirement files. */
export function pythonPackages({ test }) {
  return {
    title: 'Python packages',
    isReady: () => isReady(test),
    async make(report) {
      if (!(await isUsable())) {
        report('making a virtual environment');
        await makeVenv();
      }
      writeFileSync(UNFINISHED, '');
      rmSync(STAMP, { force: true });
      await install(test, report);
      writeJson(STAMP, { venv: VENV, ...requirements(test) });
      rmSync(UNFINISHED);
    },
  };
}

async function isReady(test) {
  const stamp = readJson(STAMP);
  if (!stamp) return false;
  const wanted = requirements(test);
  const same = Object.entries(wanted).every(([file, digest]) => stamp[file] === digest);
  return same && (await isUsable());
}

/** Whether the venv can be built upon: it runs, lies where it was made, and has the Python that was asked for. */
async function isUsable() {
  if (existsSync(UNFINISHED)) return false;
  const stamp = readJson(STAMP);
  if (stamp && stamp.venv !== VENV) return false;
  const [found, wanted] = await Promise.all([inspect(PYTHON), wantedPython(process.env)]);
  return found?.isSupported === true && (!wanted || wanted.minor === found.minor);
}

async function makeVenv() {
  const python = await findPython(process.env);
  rmSync(VENV, { recursive: true, force: true });
  mkdirSync(VENV, { recursive: true });
  writeFileSync(UNFINISHED, '');
  const result = await run(python, ['-m', 'venv', VENV], { env: environmentOf(['computing']) });
  if (result.code !== 0) throw commandProblem(`${python} -m venv`, result);
}

async function install(test, report) {
  report('pip install');
  const files = Object.keys(requirements(test)).flatMap((file) => ['-r', join(FOLDER, file)]);
  const options = [
    '--no-input',
    '--disable-pip-version-check',
    '--progress-bar',
    'off',
    '--retries',
    '2',
    '--no-compile',
  ];
  const env = withByteCode(environmentOf(['network', 'computing', 'pip']));
  const pip = await run(PYTHON, ['-m', 'pip', 'install', '--require-hashes', ...options, ...files], {
    env,
    onLine: (line) => {
      const [, name] = line.match(/^Collecting ([\w.-]+)/) ?? [];
      if (name) report(`pip collects ${name}`);
      if (line.startsWith('Installing collected')) report('pip installs');
    },
  });
  if (pip.code !== 0) throw commandProblem('pip install', pip);
  // Where Python may not write byte code, each start of MLflow would compile its sources, which takes longer than all
  // the rest, and each step ours. pip would compile them one after the other.
  report('compiling');
  await run(PYTHON, ['-m', 'compileall', '-q', '-j', '2', join(VENV, 'lib'), join(FOLDER, 'mediwatch_training')], {
    env,
  });
}

function withByteCode({ PYTHONDONTWRITEBYTECODE: _, ...env }) {
  return env;
}

/** Digest of each file of requirements that counts. */
function requirements(test) {
  const files = test ? ['requirements.txt', 'requirements-dev.txt'] : ['requirements.txt'];
  return Object.fromEntries(files.map((file) => [file, digestOf(join(FOLDER, file))]));
}
