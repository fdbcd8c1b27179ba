import { existsSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environmentOf } from '../environment.mjs';
import { readJson } from '../files.mjs';
import { isProgram, outsideEnvironment, programs, ROOT } from '../paths.mjs';
import { commandProblem, SetupProblem } from '../problem.mjs';
import { run } from '../run.mjs';

const MODULES = join(ROOT, 'node_modules');
/** What npm writes when, and only when, it is through with all packages and their scripts. */
const INSTALLED = join(MODULES, '.package-lock.json');

/** node_modules as package-lock.json says, with the Node that runs the service. */
export function nodePackages() {
  return {
    title: 'Node packages',
    isReady: async () => matches(readJson(join(ROOT, 'package-lock.json')), readJson(INSTALLED)) && hasNode(),
    async make(report) {
      report('npm ci');
      const env = outsideEnvironment(environmentOf(['network', 'npm'], namedByNpmrc()));
      const [npm] = programs('npm', env);
      if (!npm) throw new SetupProblem('npm is missing from the PATH: install Node with npm from https://nodejs.org.');
      // First of all: npm removes the packages in no certain order, and may be interrupted.
      rmSync(INSTALLED, { force: true });
      // Warnings (of engines, of deprecated packages) are for the project's developers, who see them with npm ci.
      const args = ['ci', '--include=dev', '--loglevel=error', '--no-progress'];
      const result = await run(npm, args, { cwd: ROOT, env });
      if (result.code !== 0) throw commandProblem('npm ci', result);
      if (!hasNode()) {
        throw new SetupProblem(
          "npm installed no Node: allow the install script of the package 'node' (npm config ignore-scripts must be off) and start again.",
        );
      }
    },
  };
}

/** Variables that npm's own settings name, such as the token of a registry. */
function namedByNpmrc() {
  const texts = [join(ROOT, '.npmrc'), join(homedir(), '.npmrc')].map((path) =>
    existsSync(path) ? readFileSync(path, 'utf8') : '',
  );
  return texts.flatMap((text) => [...text.matchAll(/\$\{(\w+)\??\}/g)].map(([, name]) => name));
}

/** Whether each package of the lock file is installed in its version; optional ones may belong to other platforms. */
function matches(wanted, installed) {
  if (!wanted || !installed) return false;
  return Object.entries(wanted.packages).every(([path, { version, integrity, optional }]) => {
    const found = installed.packages[path];
    return path === '' || (found ? found.version === version && found.integrity === integrity : optional === true);
  });
}

function hasNode() {
  return isProgram(join(MODULES, '.bin', 'node'));
}
