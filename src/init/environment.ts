import { reach, tomlOf, yamlOf } from './declared.ts';
import type { ProjectView } from './view.ts';

/** What the project's Python needs. */
export interface Environment {
  /** Python that is wanted, such as 3.10 or >=3.9. */
  python: { wanted: string; where: string } | null;
  /** Virtual environment of the project: one that is there, else one that its tools make; null: none is known. */
  venv: string | null;
  /** Where `setUp` makes one, when none is known. */
  usual: string;
  /** Whether that is there now. */
  isMade: boolean;
  /** Words that start a program in an environment that lies elsewhere: poetry run. */
  launcher: readonly string[] | null;
  /** How to make one, as a command line; null when nothing says what to install. */
  setUp: string | null;
}

/** Reads requirements files, pyproject.toml, environment.yml, .python-version, and what says which tool keeps the environment. */
export function detectEnvironment(view: ProjectView): Environment {
  const has = (...paths: string[]) => paths.find((path) => view.files.includes(path));
  const project = tomlOf(view.text('pyproject.toml'));
  const conda = has('environment.yml', 'environment.yaml', 'conda.yaml', 'conda.yml', 'python_env.yaml');
  const listed = reach(yamlOf(view.text(conda ?? '')), 'dependencies');
  const python = Array.isArray(listed) ? listed.find((entry) => /^python\b/.test(String(entry))) : undefined;
  const wanted: Array<[wanted: unknown, where: string]> = [
    [view.text('.python-version')?.trim().split(/\r?\n/)[0], '.python-version'],
    [reach(project, 'project.requires-python') ?? reach(project, 'tool.poetry.dependencies.python'), 'pyproject.toml'],
    [python && String(python).replace(/^python\s*=*/, ''), conda ?? ''],
  ];
  // The nearest to the project's own folder first, and there the usual name.
  const depth = (path: string) => path.split('/').length * 2 - (path.endsWith('.venv') ? 1 : 0);
  const [there] = [...view.environments].sort((one, other) => depth(one) - depth(other));
  const isInProject = /in-project\s*=\s*true/.test(view.text('poetry.toml') ?? '');
  const isOurs = isInProject || has('uv.lock', 'pdm.lock') !== undefined || reach(project, 'tool.uv') !== undefined;
  const isPoetrys = has('poetry.lock') !== undefined || reach(project, 'tool.poetry') !== undefined;
  const venv = there ?? (isOurs ? '.venv' : null);
  const launcher = isPoetrys ? 'poetry' : has('Pipfile') ? 'pipenv' : null;
  const requirements = view.files.filter((path) => /(^|\/)requirements(\/|[\w.-]*\.)[\w.-]*(txt|in)$/.test(path));
  const main = requirements.find((path) => path === 'requirements.txt') ?? requirements[0];
  const install = main ? `-r ${main}` : has('pyproject.toml', 'setup.py') && '.';
  const [setUp = null] = [
    has('uv.lock') && 'uv sync',
    has('poetry.lock') && 'poetry install',
    has('Pipfile') && 'pipenv install',
    install && `python3 -m venv .venv && .venv/bin/pip install ${install}`,
    conda && `conda env create --prefix ./env --file ${conda}`,
  ].filter((line) => line !== undefined);
  return {
    python: wanted.flatMap(([is, where]) => (typeof is === 'string' && is ? [{ wanted: is, where }] : []))[0] ?? null,
    ...{ venv, isMade: there !== undefined, setUp, usual: setUp?.startsWith('conda') ? 'env' : '.venv' },
    launcher: venv === null && launcher ? [launcher, 'run'] : null,
  };
}
