import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { mediwatch } from '../cli/support.ts';
import { inputs, withCopy } from './support.ts';

/** Projects of different shapes, each with a mediwatch.yaml that was written by hand beside it. */
const PROJECTS: ReadonlyArray<readonly [name: string, shape: string, folder: string]> = [
  ['scripts-project', 'scripts, a DAG of commands, Optuna, a Django image', 'examples'],
  ['lightgbm', 'a script with arguments, an API', 'examples'],
  ['notebook', 'a notebook', 'examples'],
  ['container', 'a script that knows no MLflow', 'examples'],
  ['dvc', 'DVC with variables', 'examples'],
  ['airflow', 'Airflow, nested functions', 'examples'],
  ['declares-itself', 'MLproject', ''],
  ['dvc-pipeline', 'DVC', ''],
  ['makefile-project', 'a Makefile and a shell script', ''],
  ['console-script', 'a console script with a configuration', ''],
  ['hydra-like', 'key=value arguments', ''],
  ['taskflow-dag', 'Airflow, TaskFlow', ''],
  ['bash-dag', 'Airflow, commands from variables', ''],
  ['two-dags', 'two DAGs, one for testing', ''],
  ['decoys', 'a script beside what looks like a step', ''],
  ['only-a-table', 'nothing but a table', 'projects'],
  ['poetry-click', 'poetry, click', 'projects'],
  ['uv-typer', 'uv, typer, a shell script', 'projects'],
  ['torch-like', 'a training loop of its own, argparse', 'projects'],
  ['torch-config', 'a training loop of its own, a configuration', 'projects'],
  ['typer-modules', 'uv, typer over several modules', 'projects'],
  ['click-group', 'a click group with a configuration, a Makefile', 'projects'],
  ['fire-class', 'fire, a shell script', 'projects'],
  ['subparsers', 'conda, argparse with subcommands', 'projects'],
  ['setup-entry', 'setup.py with console scripts', 'projects'],
  ['by-place', 'sys.argv', 'projects'],
  ['make-chain', 'a Makefile with variables and chains', 'projects'],
  ['dvc-foreach', 'DVC with foreach and nested parameters', 'projects'],
  ['hydra-groups', 'Hydra with groups and overrides', 'projects'],
  ['notebook-pair', 'two notebooks', 'projects'],
  ['classic-dag', 'Airflow, functions and commands with Variables', 'projects'],
  ['own-search', 'a search of its own, scripts that harm', 'projects'],
  ['compose-api', 'Compose, Flask, a monitor in GitHub Actions', 'projects'],
  ['fastapi-routers', 'FastAPI with routers, a Dockerfile', 'projects'],
  ['django-api', 'Django', 'projects'],
];

type Leaves = Record<string, unknown>;

/** Settings by their path; a list is one setting, and so is what is written as one. */
function leaves(value: unknown, path = ''): Leaves {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [path]: value };
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key)),
  );
}

/** What a person would have to change; ranges of a search are a matter of taste. */
async function edits(proposed: string, expected: string, folder: string): Promise<string[]> {
  const load = async (file: string) => {
    const { root: _, digest: __, search, docker, ...config } = loadConfig({ MEDIWATCH_CONFIG: file }, folder);
    const space = Object.keys(search.space ?? {}).sort();
    const image = config.deployment.target === 'docker' ? docker : {};
    return leaves({ ...config, docker: image, search: { ...search, trials: search.trials > 0, space } });
  };
  const [mine, theirs] = [await load(proposed), await load(expected)];
  const paths = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  return paths.filter((path) => !isDeepStrictEqual(mine[path], theirs[path]));
}

async function editsOf(name: string, folder: string): Promise<string[]> {
  const expected = inputs(`projects/${name}.yaml`);
  const source = folder === 'examples' ? join(PROJECT_ROOT, 'examples', name) : inputs(join(folder, name));
  return await withCopy(name, source, async (copy) => {
    await rm(join(copy, 'mediwatch.yaml'), { force: true });
    const { code, err } = await mediwatch(['init', copy, '--yes'], { env: {} });
    expect(code, err).toBe(0);
    await cp(expected, join(copy, 'expected.yaml'));
    return await edits(join(copy, 'mediwatch.yaml'), join(copy, 'expected.yaml'), copy);
  });
}

it('most files that init writes can be used as they are, and none needs more than three edits', async () => {
  const rows: string[] = [];
  const counts: number[] = [];
  for (const [name, shape, folder] of PROJECTS) {
    const changed = await editsOf(name, folder);
    counts.push(changed.length);
    rows.push(
      `| ${name} | ${shape} | ${changed.length === 0 ? 'none' : `${changed.length}: ${changed.map((path) => `\`${path}\``).join(', ')}`} |`,
    );
  }
  expect(Math.max(...counts), rows.join('\n')).toBeLessThanOrEqual(3);
  expect(counts.filter((count) => count === 0).length, rows.join('\n')).toBeGreaterThanOrEqual(6);
  const page = await readFile(join(PROJECT_ROOT, 'docs/init.md'), 'utf8');
  const table = page
    .split('\n')
    .slice(page.split('\n').indexOf('| project | shape | edits |'))
    .filter(Boolean)
    .join('\n');
  expect(table).toBe(['| project | shape | edits |', '| --- | --- | --- |', ...rows].join('\n'));
});
