import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../cli/support.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../support/project.ts';
import { createStepBench } from '../systems/steps/bench.ts';

const INPUTS = join(PROJECT_ROOT, 'test/cases/inputs');
let dir: string;
let server: MlflowServer;
beforeAll(async () => {
  server = await startMlflow();
});
afterAll(() => server?.stop());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-airflow-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const use = (name: string) => cpSync(join(INPUTS, name), dir, { recursive: true });

/** Runs a task as a step does: in the Python of the project, which has no package of ours. */
async function run(args: string[], env: Record<string, string> = {}) {
  const bin = join(VENV, 'bin');
  const done = await execa(join(bin, 'python'), ['-m', 'mediwatch_training', 'airflow-task', ...args], {
    cwd: dir,
    env: { PATH: `${bin}:${process.env.PATH}`, PYTHONPATH: join(PROJECT_ROOT, 'python'), ...env },
    reject: false,
  });
  return { code: done.exitCode, out: done.stdout, err: done.stderr };
}

const returned = (task: string, folder = 'x') =>
  JSON.parse(readFileSync(join(dir, folder, task, 'return_value.json'), 'utf8'));

describe('TaskFlow functions inside the function of a DAG', () => {
  let project: TestProject | undefined;
  afterEach(() => project?.remove());

  it('are listed, and run one by one to a registered version', async () => {
    use('taskflow-dag');
    const listed = await run(['dags/wheat.py']);
    expect(listed.out.split('\n')).toEqual([
      'wheat_weekly',
      '  harvest',
      '  learn, after harvest',
      '  keep_if_good, after learn',
    ]);
    const env = { MLFLOW_TRACKING_URI: server.uri };
    const nowhere = await run(['dags/wheat.py', 'harvest', '--dir', '/proc/nowhere'], env);
    expect([nowhere.code, nowhere.err]).toEqual([
      2,
      expect.stringMatching(/^airflow-task: .*--dir\. Nothing was run$/),
    ]);
    const early = await run(['dags/wheat.py', 'learn', '--dir', 'x'], env);
    expect([early.code, early.err]).toEqual([2, expect.stringContaining('learn takes what harvest returns')]);
    for (const args of [['harvest'], ['learn', '--arg', 'alpha=2.5'], ['keep_if_good']]) {
      const done = await run(['dags/wheat.py', ...args, '--dir', 'x'], env);
      expect(done.code, done.err).toBe(0);
    }
    const { run: runId, rmse } = returned('learn');
    expect(rmse).toBeLessThan(1);
    const mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
    expect(await mlflow.listVersions('WheatYield')).toMatchObject([{ version: '1', runId }]);
    await mlflow.close();
  });

  it('are steps of a retrain: what one returns goes to the next with the data set', async () => {
    const command = (...args: string[]) => [
      'python',
      '-m',
      'mediwatch_training',
      'airflow-task',
      'dags/wheat.py',
      ...args,
    ];
    const steps = {
      prepare: { command: command('harvest', '--dir', '{output}'), venv: VENV },
      train: {
        command: command('learn', '--from', '{dataset}', '--dir', '{output}', '--arg', 'alpha={params.alpha=1}'),
        venv: VENV,
        outputs: { metrics: { test_rmse: 'rmse' } },
      },
    };
    project = createProject({ steps }, { MEDIWATCH_MLFLOW_URI: server.uri });
    cpSync(join(INPUTS, 'taskflow-dag'), project.dir, { recursive: true });
    const checked = await mediwatch(['check', '--offline', '--json'], { cwd: project.dir, env: {} });
    const problems = JSON.parse(checked.out).findings.filter(
      ({ severity }: { severity: string }) => severity === 'problem',
    );
    expect(problems).toEqual([]);
    const bench = await createStepBench(project.config);
    try {
      const dataset = await bench.dataset();
      const { registeredModel } = project.config.registry;
      const experimentId = await bench.mlflow.ensureExperiment(project.config.mlflow.experiment);
      const { runId } = await bench.mlflow.ensureRun({ experimentId, key: 'airflow', name: 'airflow', tags: {} });
      const request = { registeredModel, dataset, data: project.config.data.path, model: 'hgb', seed: 1, trials: [] };
      const trained = await bench.call('trainModel', { ...request, params: { alpha: 3 }, runId, key: 'airflow/train' });
      expect(trained.metrics.test_rmse).toBeLessThan(1);
    } finally {
      await bench.close();
    }
  });
});

describe('commands of BashOperators', () => {
  it('from variables and f-strings run in their order, and the last line is what they return', async () => {
    use('bash-dag');
    // Its folder is somewhere else here.
    const file = join(dir, 'dags/pumps.py');
    writeFileSync(file, readFileSync(file, 'utf8').replace('/srv/pumps', dir));
    symlinkSync(VENV, join(dir, '.venv'));
    const { code, err } = await run(['dags/pumps.py', 'tell', '--dir', 'x', '--upstream']);
    expect(code, err).toBe(0);
    expect(returned('learn')).toMatch(/^test_auc 0\.\d+$/);
    expect(JSON.parse(returned('tell')).test_auc).toBeGreaterThan(0.5);
  });

  it('run in the folder of the project; of several DAGs only the one that is named is loaded', async () => {
    use('two-dags');
    const { code, err } = await run(['dags/garage.py', 'retrain'], { MLFLOW_TRACKING_URI: server.uri });
    expect(code, err).toBe(0);
    expect(existsSync(join(dir, 'work/garage.pkl'))).toBe(true);
    expect(returned('retrain', '.mediwatch/airflow')).toMatch(/^test_auc /);
    const unknown = await run(['dags/garage.py', 'load']);
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('there are retrain')]);
  });
});

describe('operators as they were before TaskFlow', () => {
  const task = (name: string, ...more: string[]) =>
    run(['dags/wards.py', name, '--dir', 'x', '--execution-date', '2026-01-31', ...more], {
      AIRFLOW_VAR_REGION: 'south',
    });
  beforeEach(() => use('airflow-classic'));

  it('get their arguments, templates, context, variables, and what tasks before them returned', async () => {
    const early = await task('note', '--upstream');
    expect([early.code, early.err]).toEqual([1, expect.stringContaining('wait: what it waits for is not there yet')]);
    expect((await task('count')).code).toBe(0);
    expect(returned('count')).toEqual({ 'ward-0': 31, 'ward-1': 31, 'ward-2': 31 });
    const noted = await task('note', '--upstream', '--conf', '{"scale": 10}');
    expect([noted.code, noted.out]).toEqual([0, '1860 10-south 2026-02-01 20260131']);
    expect(returned('summary')).toMatchObject({ day: '2026-01-31', total: 93 * 2 * 10, region: 'south' });
    expect(returned('choose')).toBe('summary');
  });

  it.each([
    ['load', 2, 'load (SnowflakeOperator) comes with a provider of Airflow'],
    ['load', 2, 'Instead: call the library itself'],
    ['copies', 2, 'copies is an operator with expand'],
    ['copies', 2, 'a function with @task, whose expand is done here'],
    ['remote', 2, 'remote (SSHOperator) runs on another host. Instead: give its step the command ssh'],
    ['pod', 2, 'pod (KubernetesPodOperator) runs in a container, which Airflow starts. Instead: make a script of it'],
    ['hidden', 1, 'BaseHook.get_connection needs Airflow'],
    ['stop', 99, 'skipped: stop'],
    ['count', 1, "unexpected keyword argument 'colour'"],
    ['begin', 2, 'it takes no --arg'],
  ])('%s ends with %d: %s', async (name, code, said) => {
    const arg = name === 'count' || name === 'begin' ? ['--arg', 'colour=red'] : [];
    const done = await task(name, ...arg);
    expect([done.code, done.err]).toEqual([code, expect.stringContaining(said)]);
  });

  it('are run by the command too, in the virtual environment of the project', async () => {
    symlinkSync(VENV, join(dir, '.venv'));
    const world = { cwd: dir, env: { PATH: process.env.PATH ?? '' } };
    const done = await mediwatch(['airflow-task', 'dags/wards.py', 'stop'], world);
    expect([done.code, done.out]).toEqual([1, 'nothing new\n']);
    const missing = await mediwatch(['airflow-task', 'dags/none.py'], world);
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('there is no file dags/none.py')]);
  });
});

it('groups, mapped tasks, functions that make commands, and objects that JSON cannot hold', async () => {
  use('airflow-groups');
  const listed = await run(['dags/tides.py']);
  expect(listed.out).toContain('  checks.day');
  expect(listed.out).toContain('  highest__1, after measure');
  const done = await run(['dags/tides.py', 'write', '--dir', 'x', '--upstream']);
  expect([done.code, done.out, returned('write')]).toEqual([0, '10 cm', '10 cm']);
  expect(existsSync(join(dir, 'x/measure/return_value.pickle'))).toBe(true);
  const elsewhere = await run(['dags/tides.py', 'plot', '--dir', 'x']);
  expect([elsewhere.code, elsewhere.err]).toEqual([
    2,
    expect.stringMatching(
      /^airflow-task: plot \(@task\.docker\) runs in a container.*command and image\. It was not run$/,
    ),
  ]);
  const plots = await run(['dags/tides.py', 'each', '--dir', 'x']);
  expect([plots.code, plots.err]).toEqual([2, expect.stringContaining('each is expanded')]);
  const skipped = await run(['dags/tides.py', 'checks.is_high', '--dir', 'x']);
  expect([skipped.code, skipped.err]).toEqual([99, expect.stringContaining('what comes after it is skipped')]);
  expect((await run(['dags/tides.py', 'checks.day', '--dir', 'x', '--execution-date', '2026-02-01'])).code).toBe(0);
  expect(returned('checks.day')).toBe('2026-02-01');
});
