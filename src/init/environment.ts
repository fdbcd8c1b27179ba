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

const CONDA = ['environment.yml', 'environment.yaml', 'conda.yaml', 'conda.yml', 'python_env.yaml'];

/** Reads requirements files, pyproject.toml, environment.yml and .python-version. */
export function detectEnvironment(view: ProjectView): Environment {
  const conda = CONDA.find((path) => view.files.includes(path));
  return { python: wantedPython(view, conda), ...manager(view), ...setUp(view, conda) };
}

/** Where the tools that the project uses keep its environment. */
function manager(view: ProjectView): Pick<Environment, 'venv' | 'isMade' | 'launcher'> {
  const has = (path: string) => view.files.includes(path);
  const uses = (tool: string) => reach(tomlOf(view.text('pyproject.toml')), `tool.${tool}`) !== undefined;
  const [there] = ranked(view.environments);
  if (there !== undefined) return { venv: there, isMade: true, launcher: null };
  const inProject = /in-project\s*=\s*true/.test(view.text('poetry.toml') ?? '');
  if (has('uv.lock') || has('pdm.lock') || uses('uv') || inProject) {
    return { venv: '.venv', isMade: false, launcher: null };
  }
  const launcher = has('poetry.lock') || uses('poetry') ? 'poetry' : has('Pipfile') ? 'pipenv' : null;
  return { venv: null, isMade: false, launcher: launcher && [launcher, 'run'] };
}

function wantedPython(view: ProjectView, conda: string | undefined): Environment['python'] {
  const project = tomlOf(view.text('pyproject.toml'));
  const listed = reach(yamlOf(view.text(conda ?? '')), 'dependencies');
  const python = Array.isArray(listed) ? listed.find((entry) => /^python\b/.test(String(entry))) : undefined;
  const known: Array<[wanted: unknown, where: string]> = [
    [view.text('.python-version')?.trim().split(/\r?\n/)[0], '.python-version'],
    [reach(project, 'project.requires-python') ?? reach(project, 'tool.poetry.dependencies.python'), 'pyproject.toml'],
    [python && String(python).replace(/^python\s*=*/, ''), conda ?? ''],
  ];
  const [first] = known.flatMap(([wanted, where]) => (typeof wanted === 'string' && wanted ? [{ wanted, where }] : []));
  return first ?? null;
}

/** The nearest to the project's own folder first, and there the usual name. */
function ranked(environments: readonly string[]): string[] {
  const depth = (path: string) => path.split('/').length * 2 - (path.endsWith('.venv') ? 1 : 0);
  return [...environments].sort((one, other) => depth(one) - depth(other));
}

function setUp(view: ProjectView, conda: string | undefined): Pick<Environment, 'setUp' | 'usual'> {
  const has = (path: string) => view.files.includes(path);
  const usual = '.venv';
  if (has('uv.lock')) return { setUp: 'uv sync', usual };
  if (has('poetry.lock')) return { setUp: 'poetry install', usual };
  if (has('Pipfile')) return { setUp: 'pipenv install', usual };
  const requirements = view.files.filter((path) => /(^|\/)requirements(\/|[\w.-]*\.)[\w.-]*(txt|in)$/.test(path));
  const main = requirements.find((path) => path === 'requirements.txt') ?? requirements[0];
  const install = main ? `-r ${main}` : has('pyproject.toml') || has('setup.py') ? '.' : undefined;
  if (install) return { setUp: `python3 -m venv .venv && .venv/bin/pip install ${install}`, usual };
  if (conda) return { setUp: `conda env create --prefix ./env --file ${conda}`, usual: 'env' };
  return { setUp: null, usual };
}
