import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../../support/project.ts';
import { createStepBench, type StepBench } from './bench.ts';

let server: MlflowServer;
let project: TestProject;
let bench: StepBench;

const WHO = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
const NOTE = [
  'sh',
  '-c',
  'echo {registeredModel} > {output}/who; cp {dataset}/* {output}; ls {output} | tr "\\n" " "; echo auc=0.$0',
];

beforeAll(async () => {
  server = await startMlflow();
  project = createProject(
    {
      steps: {
        prepare: { command: ['sh', '-c', 'echo {registeredModel} > {output}/of-{registeredModel}', '{data}'] },
        trial: { venv: VENV, command: [...NOTE, '{params.x}'], outputs: { pattern: 'auc=(?<auc>[\\d.]+)' } },
      },
      search: { metric: 'auc' },
      deployment: { target: 'none' },
      models: { First: { mlflow: { experiment: 'first' } }, Second: { mlflow: { experiment: 'second' } } },
    },
    { MEDIWATCH_MLFLOW_URI: server.uri },
  );
  bench = await createStepBench(project.config);
});
afterAll(async () => {
  await bench?.close();
  project?.remove();
  await server?.stop();
});

it('two models at once have data sets, files and runs of their own', async () => {
  const both = await Promise.all(
    ['First', 'Second'].map(async (registeredModel, index) => {
      const prepared = { registeredModel, data: 'data.csv', seed: 1, force: false };
      const { ref } = await bench.call('prepareDataset', prepared, { activityId: `p${index}` });
      const experimentId = await bench.mlflow.ensureExperiment(registeredModel.toLowerCase());
      const parent = await bench.mlflow.createRun({ experimentId, name: 'parent' });
      const request = { registeredModel, dataset: ref, model: 'hgb', number: 0, params: { x: index + 1 }, seed: 1 };
      const input = { ...request, parentRunId: parent.runId, key: `${registeredModel}/trial` };
      const outcome = await bench.call('runTrial', input, { activityId: `t${index}` });
      return { ref, outcome, run: await bench.mlflow.getRun(outcome.runId), experimentId };
    }),
  );
  const [first, second] = both;
  expect(first?.ref.sha256).not.toBe(second?.ref.sha256);
  expect(both.map(({ outcome }) => outcome.score)).toEqual([0.1, 0.2]);
  expect(both.map(({ run, experimentId }) => run?.experimentId === experimentId)).toEqual([true, true]);
  const logs = join(project.dir, '.mediwatch', 'logs', 'steps');
  expect(readdirSync(logs, { recursive: true })).toHaveLength(5);
});

it('data are prepared once as long as source, command and code are the same', async () => {
  const other = createProject({
    steps: { prepare: { command: ['sh', '-c', 'echo again >> times; cp $0 {output}', '{data}'] } },
  });
  const otherBench = await createStepBench(other.config);
  const git = (...args: string[]) => execFileSync('git', [...WHO, ...args], { cwd: other.dir, stdio: 'pipe' });
  const prepare = () => otherBench.call('prepareDataset', { data: 'data.csv', seed: 1, force: false });
  const times = () => readFileSync(join(other.dir, 'times'), 'utf8').trim().split('\n').length;
  try {
    // No checkout: nobody knows whether the scripts are still the same.
    expect(await prepare()).toEqual(await prepare());
    expect(times()).toBe(2);
    git('init', '-q');
    git('add', 'plain.py', 'data.csv');
    git('commit', '-qm', 'all');
    expect(await prepare()).toEqual(await prepare());
    expect(times()).toBe(3);
    appendFileSync(join(other.dir, 'plain.py'), '# changed\n');
    await prepare();
    expect(times()).toBe(4);
    appendFileSync(join(other.dir, 'data.csv'), '3,4\n');
    await prepare();
    expect(times()).toBe(5);
  } finally {
    await otherBench.close();
    other.remove();
  }
});
