import { tomlOf, yamlOf } from './declared.ts';
import type { ProjectView } from './view.ts';

/** What the project's Python needs. */
export interface Environment {
  /** Wanted version of a library, as it is written, by the library's name in small letters. */
  libraries: ReadonlyMap<string, { wanted: string; where: string }>;
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

/** Reads requirements files, pyproject.toml, environment.yml and .python-version. */
export function detectEnvironment(view: ProjectView): Environment {
  const libraries = new Map<string, { wanted: string; where: string }>();
  const note = (requirement: string, where: string) => {
    const [, name, wanted = ''] = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*([^;#]*)/.exec(requirement.trim()) ?? [];
    if (name && !libraries.has(name.toLowerCase())) libraries.set(name.toLowerCase(), { wanted: wanted.trim(), where });
  };
  const requirements = view.files.filter((path) =>
    /^([\w.-]+\/){0,2}[\w.-]*requirements[\w.-]*\.(txt|in)$|^requirements\/[\w.-]+\.(txt|in)$/.test(path),
  );
  for (const path of requirements) for (const line of lines(view, path)) note(line, path);
  const project = pyproject(view);
  for (const requirement of project.dependencies) note(requirement, 'pyproject.toml');
  const conda = ['environment.yml', 'environment.yaml', 'conda.yaml', 'conda.yml', 'python_env.yaml'].find((path) =>
    view.files.includes(path),
  );
  for (const requirement of conda ? condaDependencies(view, conda) : []) note(requirement, conda ?? '');
  return {
    libraries,
    python: wantedPython(view, project, libraries),
    ...manager(view, project),
    ...setUp(view, requirements, conda),
  };
}

/** Where the tools that the project uses keep its environment. */
function manager(view: ProjectView, { tools }: Pyproject): Pick<Environment, 'venv' | 'isMade' | 'launcher'> {
  const has = (path: string) => view.files.includes(path);
  const [there] = ranked(view.environments);
  if (there !== undefined) return { venv: there, isMade: true, launcher: null };
  const inProject = /in-project\s*=\s*true/.test(view.text('poetry.toml') ?? '');
  if (has('uv.lock') || has('pdm.lock') || tools.includes('uv') || inProject) {
    return { venv: '.venv', isMade: false, launcher: null };
  }
  const launcher = has('poetry.lock') || tools.includes('poetry') ? 'poetry' : has('Pipfile') ? 'pipenv' : null;
  return { venv: null, isMade: false, launcher: launcher && [launcher, 'run'] };
}

interface Pyproject {
  /** Tables of tools, such as uv and poetry. */
  tools: string[];
  dependencies: string[];
  python: string | undefined;
}

function pyproject(view: ProjectView): Pyproject {
  const document = table(tomlOf(view.text('pyproject.toml')));
  const project = table(document.project);
  const poetry = table(table(document.tool).poetry);
  const poetryDependencies = Object.entries(table(poetry.dependencies));
  const listed = Array.isArray(project.dependencies) ? project.dependencies.map(String) : [];
  return {
    tools: Object.keys(table(document.tool)),
    dependencies: [
      ...listed,
      ...poetryDependencies.filter(([name]) => name !== 'python').map(([name, value]) => `${name} ${versionOf(value)}`),
    ],
    python: text(project['requires-python']) ?? text(table(poetry.dependencies).python),
  };
}

const versionOf = (value: unknown) => text(value) ?? text(table(value).version) ?? '';
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const table = (value: unknown) =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function condaDependencies(view: ProjectView, path: string): string[] {
  const { dependencies } = table(yamlOf(view.text(path)));
  if (!Array.isArray(dependencies)) return [];
  return dependencies.flatMap((entry) => {
    const { pip } = table(entry);
    return Array.isArray(pip) ? pip.map(String) : typeof entry === 'string' ? [entry.replace(/^.*::/, '')] : [];
  });
}

function lines(view: ProjectView, path: string): string[] {
  return (view.text(path) ?? '').split(/\r?\n/).filter((line) => /^[A-Za-z0-9]/.test(line));
}

function wantedPython(
  view: ProjectView,
  { python }: Pyproject,
  libraries: Environment['libraries'],
): Environment['python'] {
  const pinned = view.text('.python-version')?.trim().split(/\r?\n/)[0];
  if (pinned) return { wanted: pinned, where: '.python-version' };
  if (python) return { wanted: python, where: 'pyproject.toml' };
  const conda = libraries.get('python');
  return conda ? { wanted: conda.wanted.replace(/^=+/, ''), where: conda.where } : null;
}

/** The nearest to the project's own folder first, and there the usual name. */
function ranked(environments: readonly string[]): string[] {
  const depth = (path: string) => path.split('/').length * 2 - (path.endsWith('.venv') ? 1 : 0);
  return [...environments].sort((one, other) => depth(one) - depth(other));
}

function setUp(
  view: ProjectView,
  requirements: readonly string[],
  conda: string | undefined,
): Pick<Environment, 'setUp' | 'usual'> {
  const has = (path: string) => view.files.includes(path);
  const usual = '.venv';
  if (has('uv.lock')) return { setUp: 'uv sync', usual };
  if (has('poetry.lock')) return { setUp: 'poetry install', usual };
  if (has('Pipfile')) return { setUp: 'pipenv install', usual };
  const main = requirements.find((path) => path === 'requirements.txt') ?? requirements[0];
  const install = main ? `-r ${main}` : has('pyproject.toml') || has('setup.py') ? '.' : undefined;
  if (install) return { setUp: `python3 -m venv .venv && .venv/bin/pip install ${install}`, usual };
  if (conda) return { setUp: `conda env create --prefix ./env --file ${conda}`, usual: 'env' };
  return { setUp: null, usual };
}
