import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { truncate } from '../../src/contracts/text.ts';
import { suspicionOf } from '../../src/domain/metricNames.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { rejection } from '../systems/processes/support.ts';
import { openCase } from './openCase.ts';

let server: MlflowServer;
let opened: Awaited<ReturnType<typeof openCase>> | undefined;

beforeAll(async () => {
  server = await startMlflow();
});
afterAll(() => server?.stop());
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

async function open(name: string, steps: Record<string, object>, settings: object = {}) {
  opened = await openCase(name, { steps, uri: server.uri, settings });
  return opened;
}

describe('five-runs-one-model', () => {
  const train = { command: ['python', 'train.py', '{output}'], outputs: { modelFile: '{output}/model.pkl' } };

  it('is refused, naming the runs and the setting that tells them apart', async () => {
    const error = await rejection((await open('five-runs-one-model', { train })).train());
    expect(error).toMatchObject({ type: 'StepFailed', cause: { code: 'severalRuns' } });
    for (const name of ['linear', 'tree', 'auc 0.5', 'steps.train.outputs.run']) expect(String(error)).toContain(name);
  });

  it('has the score of the run that is named, here the last', async () => {
    const outputs = { ...train.outputs, run: 'last', metrics: { test_auc: 'auc' } };
    const { bench, train: run } = await open('five-runs-one-model', { train: { ...train, outputs } });
    const trained = await run();
    const home = await bench.mlflow.getRun(trained.runId);
    expect(home).toMatchObject({ name: 'tree', params: { kind: 'tree' } });
    expect(trained.metrics.test_auc).toBe(home?.metrics.auc);
    expect(trained.metrics.test_auc).toBeGreaterThan(0.6);
  });

  it('with a model in each run is refused, too', async () => {
    const { train: run } = await open('five-runs-one-model', { train: { command: ['python', 'logs_each.py'] } });
    expect(await rejection(run())).toMatchObject({ cause: { code: 'severalRuns' } });
  });

  it('with one version registered has the score of the run of that version', async () => {
    const command = ['python', 'registers_first.py', '{registeredModel}'];
    const { train: run } = await open('five-runs-one-model', { train: { command } });
    expect(await run()).toMatchObject({ version: '1', metrics: { auc: 0.61 } });
  });
});

describe('search-with-children', () => {
  const search = { metric: 'rmse', direction: 'minimize' };
  const found = async (script: string) => {
    const command = ['python', script];
    return await (await open('search-with-children', { search: { command } }, { search })).search();
  };

  it('has a trial for each process, with its parameters and its score', async () => {
    const { trials, complete, best } = await found('search.py');
    expect([complete, trials.flatMap(({ params }) => Object.keys(params)).sort()]).toEqual([
      3,
      ['neighbours.n_neighbors', 'ridge.alpha', 'tree.max_depth'],
    ]);
    expect(best.params).toEqual({ 'ridge.alpha': 0.5 });
    expect(best.score).toBe(Math.min(...trials.map(({ score }) => score as number)));
  });

  it('does not take the run around them for a trial', async () => {
    expect((await found('holder.py')).trials.map(({ params }) => params)).toEqual([
      { 'ridge.alpha': 0.5 },
      { 'tree.max_depth': 4 },
    ]);
  });

  it('has those that are nested by other processes', async () => {
    expect(await found('workers.py')).toMatchObject({ complete: 2, best: { score: 2, params: { max_depth: 5 } } });
  });
});

describe('shared-memory-workers', () => {
  const train = (...more: string[]) => ({
    command: ['python', 'train.py', '--out', '{output}', '--seconds', '4', ...more],
    outputs: { file: '{output}/metrics.json', modelFile: '{output}/model.json' },
  });

  it('counts pages that processes share once', async () => {
    // Six processes that show more than 100 MiB each.
    const settings = { worker: { slots: 2, memoryLimitMb: 250 } };
    const { train: run } = await open('shared-memory-workers', { train: train('--mb', '100') }, settings);
    expect(await run()).toMatchObject({ metrics: { test_auc: 0.81 } });
  });

  it('over the limit is killed, and tried once more, not eight times', async () => {
    const settings = { worker: { slots: 2, memoryLimitMb: 100 } };
    const { train: run } = await open('shared-memory-workers', { train: train('--mb', '200') }, settings);
    const failures = [await rejection(run()), await rejection(run({ attempt: 2 }))];
    expect(failures).toMatchObject([
      { type: 'StepOutOfMemory', nonRetryable: false },
      { type: 'StepOutOfMemory', nonRetryable: true },
    ]);
  });
});

describe('long-traceback', () => {
  it.each([
    ['trial.py', 'ValueError: a pump curve needs at least 3 points, not 2: lower --min-flow'],
    ['noisy.py', 'RuntimeError: pump 7 has no curve: add it to curves.json'],
    ['to_stdout.py', 'KeyError: "no column \'head\'"'],
  ])('the exception of %s is in the message, however short that is cut', async (script, exception) => {
    const { trial } = await open('long-traceback', { trial: { command: ['python', script] } });
    const { message } = (await rejection(trial())) as Error;
    expect(message).toContain(exception);
    expect(truncate(message, 300)).toContain(exception);
  });
});

describe('registers-then-fails', () => {
  const train = { command: ['python', 'train.py', '{registeredModel}'] };
  const versions = async ({ bench, project }: NonNullable<typeof opened>) =>
    (await bench.mlflow.listVersions(project.config.registry.registeredModel)).map(({ version }) => version);

  it('leaves no version, and says which one it had registered and why it failed', async () => {
    const all = await open('registers-then-fails', { train });
    const error = await rejection(all.train());
    const { registeredModel } = all.project.config.registry;
    expect(String(error)).toContain(`version 1 of ${registeredModel}, removed again`);
    expect(String(error)).toContain('no space left in /reports');
    expect(await versions(all)).toEqual([]);
  });

  it('leaves one version when it ends well in a later attempt', async () => {
    const all = await open('registers-then-fails', { train: { ...train, attempts: 3 } });
    await expect(all.train()).rejects.toMatchObject({ type: 'CommandFailed' });
    all.project.config.steps.train.command = ['sh', '-c', 'python train.py $0 || true', '{registeredModel}'];
    expect(await all.train({ attempt: 2 })).toMatchObject({ version: '2' });
    expect(await versions(all)).toEqual(['2']);
  });

  it('names a version of another model, and leaves it', async () => {
    const all = await open('registers-then-fails', { train: { command: ['python', 'train.py', 'OtherName'] } });
    expect(String(await rejection(all.train()))).toContain('version 1 of OtherName, left as it is');
    expect(await all.bench.mlflow.listVersions('OtherName')).toHaveLength(1);
  });
});

describe('negated-error', () => {
  it('is remarked on when its lowest value would win', async () => {
    const search = { metric: 'mean_squared_error', direction: 'minimize' };
    const { trial } = await open('negated-error', { trial: { command: ['python', 'train.py'] } }, { search });
    const { score } = await trial();
    expect(suspicionOf(search.metric, 'minimize', score)).toBe('errorNegated');
    expect(suspicionOf(search.metric, 'maximize', score)).toBeUndefined();
  });

  it.each([
    ['valRMSE', 'maximize', undefined, 'errorMaximized'],
    ['val/loss', 'maximize', 0.3, 'errorMaximized'],
    ['neg_log_loss', 'minimize', undefined, 'errorNegated'],
    ['neg_log_loss', 'maximize', -0.3, undefined],
    ['test_auc', 'minimize', 0.7, 'scoreMinimized'],
    ['rmse', 'minimize', 4, undefined],
    ['lossless_ratio', 'maximize', 4, undefined],
  ] as const)('%s, to %s, with %s: %s', (metric, direction, score, suspicion) => {
    expect(suspicionOf(metric, direction, score)).toBe(suspicion);
  });
});

describe('prints-nan', () => {
  const trial = (score: string, ...rest: string[]) => ({
    command: ['python', 'train.py', 'metrics.json', score, ...rest],
    outputs: { file: 'metrics.json' },
  });

  it.each([['utf-8'], ['utf-8-sig']])(
    'a metric that is NaN is unknown, and the score counts (%s)',
    async (encoding) => {
      const { trial: run } = await open('prints-nan', { trial: trial('0.71', encoding) });
      expect(await run()).toMatchObject({ score: 0.71, metrics: { f1: null, best: null } });
    },
  );

  it('a score that is NaN is said to be that, whether it is written or printed', async () => {
    const written = await open('prints-nan', { trial: trial('nan') });
    expect(await rejection(written.trial())).toMatchObject({ cause: { code: 'scoreNotANumber' } });
    await written.close();
    const outputs = { pattern: 'score=(?P<score>\\S+)' };
    const printed = await open('prints-nan', { trial: { ...trial('nan'), outputs } });
    expect(await rejection(printed.trial())).toMatchObject({ cause: { code: 'scoreNotANumber' } });
  });

  it('a pattern that no line matches is named', async () => {
    const outputs = { pattern: 'SCORE: (?<score>[\\d.]+)' };
    const { trial: run } = await open('prints-nan', { trial: { ...trial('0.71'), outputs } });
    const error = await rejection(run());
    expect(error).toMatchObject({ cause: { code: 'noScore' } });
    expect(String(error)).toContain('no line of which matches steps.trial.outputs.pattern');
  });
});
