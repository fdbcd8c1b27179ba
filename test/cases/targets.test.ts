import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { TrialResult } from '../../src/contracts/steps.ts';
import type { Dataset } from '../../src/contracts/training.ts';
import { createPool, type Pool } from '../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';

const TABLES = join(PROJECT_ROOT, 'test/cases/inputs/tables');

/** What a table's target is taken for, or why it is refused: the step `prepare`, and a trial on what it made. */
describe('targets of tables', () => {
  let folder: string;
  let reaper: Reaper;
  let processes: Pool;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mediwatch-targets-'));
    reaper = await createReaper();
    processes = createPool({
      command: [join(PROJECT_ROOT, 'python/.venv/bin/python'), '-m', 'mediwatch_training.pool'],
      cwd: folder,
      env: { PYTHONPATH: join(PROJECT_ROOT, 'python') },
      size: 1,
      memoryLimitMb: 4_000,
      logFile: join(folder, 'pool.log'),
      reaper,
    });
  });
  afterAll(async () => {
    await processes?.close();
    await reaper?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const step = async <Result>(name: string, input: object) =>
    (await processes.run({
      step: name,
      input,
      logFile: join(folder, `${name}.log`),
      signal: new AbortController().signal,
      timeoutMs: 120_000,
    })) as Result;
  const prepare = (table: string, target: string, settings: object = {}) =>
    step<Dataset>('prepare', {
      dataPath: join(TABLES, table),
      outputDir: join(folder, table),
      target,
      group: null,
      ...settings,
    });

  test.each([
    ['three-classes.csv', 'wear', ['high', 'low', 'middle']],
    ['grades.csv', 'grade', ['1', '2', '3', '4', '5']],
  ])('%s is learned as classes', async (table, target, classes) => {
    const dataset = await prepare(table, target);
    expect(dataset).toMatchObject({ task: 'multiclass', classes, positive: null, positives: null });
    const { score, metrics } = await trial(table);
    expect(score).toBe(metrics.validation_auc);
    expect(score).toBeGreaterThan(0.7);
    expect(metrics).toHaveProperty('validation_balanced_accuracy');
  });

  test.each([
    ['regression.csv', 'yield_t_ha'],
    ['counts.csv', 'visits'],
  ])('%s is learned as a number', async (table, target) => {
    expect(await prepare(table, target)).toMatchObject({ task: 'regression', classes: null, positives: null });
    const { score, metrics } = await trial(table);
    expect(score).toBe(metrics.validation_r2);
    expect(score).toBeGreaterThan(0.1);
    expect(metrics.validation_rmse).toBeGreaterThan(0);
  });

  test.each([
    ['left-or-stayed.csv', 'outcome', 'left'],
    ['truth-values.csv', 'renewed', 'true'],
  ])('%s is told apart by the value that counts as positive', async (table, target, positive) => {
    expect(await prepare(table, target)).toMatchObject({ task: 'binary', positive });
    expect((await trial(table)).score).toBeGreaterThan(0.7);
  });

  test.each([
    ['constant-target.csv', 'full', 'target', 'nothing to tell apart'],
    ['constant-number.csv', 'n', 'target', 'nothing to tell apart'],
    ['constant-truth.csv', 'ok', 'target', 'nothing to tell apart'],
    ['tiny-imbalanced.csv', 'burst', 'dataPath', '3 of 60 rows are positive'],
    ['tiny-failures.csv', 'failed', 'dataPath', '2 of 80 rows are positive'],
    ['few-ham.csv', 'kind', 'dataPath', '3 of 290 rows are positive'],
    ['rare-class.csv', 'tree', 'dataPath', '1 of 5 classes: too few rows; the rarest class has 2 of 300'],
    ['price-on-request.csv', 'price', 'target', 'but for 1 of 300 rows, the first of them row 42'],
    ['names.csv', 'who', 'target', '200 different values'],
  ])('%s is refused with what is wrong and what would do', async (table, target, field, said) => {
    await expect(prepare(table, target)).rejects.toMatchObject({
      type: 'DataInvalid',
      field,
      message: expect.stringContaining(said),
    });
  });

  test('where no seed can help, the refusal does not advise one', async () => {
    const refused = prepare('tiny-imbalanced.csv', 'burst');
    await expect(refused).rejects.toThrow('No seed or fraction can help: add rows until at least 6 rows are positive');
    await expect(refused).rejects.not.toThrow('another seed');
  });

  test('what the settings say comes before what the values suggest', async () => {
    expect(await prepare('grades.csv', 'grade', { task: 'regression' })).toMatchObject({ task: 'regression' });
    expect(await prepare('grades.csv', 'grade', { positive: '5' })).toMatchObject({ task: 'binary', positive: '5' });
    const absent = prepare('left-or-stayed.csv', 'outcome', { positive: 'yes' });
    await expect(absent).rejects.toThrow(/never holds 'yes', but '(stayed|left)' and '(stayed|left)'/);
  });

  const trial = (table: string) =>
    step<TrialResult>('trial', { datasetDir: join(folder, table), params: { min_samples_leaf: 5 } });
});
