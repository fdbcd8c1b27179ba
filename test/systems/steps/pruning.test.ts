import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED_PYTHON, PYTHON_ROOT } from '../../../src/config.ts';
import { TAGS } from '../../../src/contracts/names.ts';
import { createPool, type Pool } from '../../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../../src/systems/processes/reaper.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../../support/project.ts';
import { createStepBench, type StepBench } from './bench.ts';

let server: MlflowServer;
let reaper: Reaper;
let proposer: Pool;
let project: TestProject;
let bench: StepBench;

beforeAll(async () => {
  server = await startMlflow();
  reaper = await createReaper({ graceMs: 500 });
});
afterAll(async () => {
  await reaper?.close();
  await server?.stop();
});
afterEach(async () => {
  await bench?.close();
  await proposer?.close();
  project?.remove();
});

/** Three good trials, and the one that runs. */
const TRIALS = [
  ...[0.9, 0.8, 0.7].map((score, number) => ({
    ...{ number, state: 'complete' as const },
    reports: [1, 2, 3, 4, 6, 8, 11, 15].map((step) => ({ step, score })),
  })),
  { number: 3, state: 'running' as const },
];

async function trial(command: string[], outputs: object) {
  project = createProject(
    {
      mlflow: { experiment: command.join(' ') },
      steps: { prepare: { skip: true }, trial: { venv: VENV, command, outputs } },
      search: { metric: 'pattern' in outputs ? 'auc' : 'valid_auc' },
    },
    { MEDIWATCH_MLFLOW_URI: server.uri },
  );
  const env = { PYTHONPATH: PYTHON_ROOT };
  const logFile = join(project.dir, 'proposer.log');
  const python = [BUNDLED_PYTHON, '-m', 'mediwatch_training.pool'];
  proposer = createPool({ command: python, cwd: project.dir, env, memoryLimitMb: 2000, reaper, size: 1, logFile });
  bench = await createStepBench(project.config, proposer);
  const { ref } = await bench.dataset();
  const request = {
    ...{ dataset: ref, model: 'hgb', number: 3, params: { lr: 0.1 }, seed: 1, parentRunId: '', key: 'search/trial/3' },
    contest: { pruner: 'asha' as const, direction: 'maximize' as const, trials: TRIALS },
  };
  const outcome = await bench.call('runTrial', request);
  const experimentId = await bench.mlflow.ensureExperiment(project.config.mlflow.experiment);
  return { request, outcome, runs: await bench.mlflow.searchRuns(experimentId, '') };
}

const isGone = () => expect(() => process.kill(Number(readFileSync(join(project.dir, 'pid'), 'utf8')), 0)).toThrow();

describe('a script that tells its score on its way', () => {
  it.each([
    ['logs', {}],
    ['prints', { pattern: 'AUC=(?P<auc>[\\d.]+)' }],
  ])('and %s it is ended when it falls behind, and its runs are those of a pruned trial', async (way, outputs) => {
    const { request, outcome, runs } = await trial(['python', 'epochs.py', way, '0.1', '120'], outputs);
    expect(outcome).toMatchObject({ pruned: true, score: 0.1, reports: [{ step: 1, score: 0.1 }] });
    expect(runs).toMatchObject([{ runId: outcome.runId, status: 'KILLED', tags: { [TAGS.pruned]: '1' } }]);
    isGone();
    project.config.steps.trial.command = ['false'];
    expect(await bench.call('runTrial', request, { attempt: 2 })).toMatchObject({ ...outcome, metrics: {} });
  });

  it('and keeps up goes on to its end, and has told all of them', async () => {
    const { outcome, runs } = await trial(['python', 'epochs.py', 'logs', '0.95', '8'], {});
    expect(outcome).toMatchObject({ score: 0.95 });
    expect(outcome.pruned).toBeUndefined();
    expect(outcome.reports?.map(({ step }) => step)).toEqual([1, 2, 3, 4, 6, 8]);
    expect(runs).toMatchObject([{ status: 'FINISHED' }]);
  });
});
