import { afterEach, describe, expect, it } from 'vitest';
import {
  CommandFailed,
  CommandOutOfMemory,
  CommandTimedOut,
  ProcessDied,
  StepError,
} from '../../src/systems/processes/errors.ts';
import type { StepCall } from '../../src/systems/steps/index.ts';
import { createBench, DATASET } from './training.ts';

const BOTH_SCORED = { models: { '2': { test_auc: 0.7 }, '1': { test_auc: 0.6 } } };
const ALONE = { models: { '2': { test_auc: 0.7 } } };
const REQUEST = { dataset: DATASET, registeredModel: 'Readmit', challenger: '2', champion: '1', rules: [] };

const ofStep = (type: string, retryable: boolean) =>
  new StepError({ type, message: `it is a ${type}`, retryable, field: null });
const exited = (code: number) => new CommandFailed(['score'], { exitCode: code, signal: null }, 'no such column', '');

let bench: ReturnType<typeof createBench>;
afterEach(() => bench?.close());

/** Steps of which those that score the champion fail, at first or forever; each call is reported by its versions. */
function failing(error: Error, { times = Number.POSITIVE_INFINITY, command = false } = {}) {
  const calls: string[][] = [];
  bench = createBench({
    async run({ input }: StepCall) {
      const versions = (input as { models: Array<{ id: string }> }).models.map(({ id }) => id);
      calls.push(versions);
      if (versions.includes('1') && times-- > 0) throw error;
      return command ? { test_auc: versions[0] === '2' ? 0.7 : 0.6 } : versions.length > 1 ? BOTH_SCORED : ALONE;
    },
    config({ steps: { evaluate } }) {
      if (command) evaluate.command = ['score', '{version}'];
    },
  });
  return calls;
}

describe('a reason that may pass', () => {
  it.each([
    ['StepCrashed', new ProcessDied('It ended', { exitCode: null, signal: 'SIGKILL' }, '')],
    ['StepOutOfMemory', new CommandOutOfMemory('The step', 900, 800)],
    ['MlflowUnavailable', ofStep('MlflowUnavailable', true)],
    ['StepCrashed', ofStep('StepCrashed', true)],
  ])('is %s, and says nothing of the champion: the next attempt compares both', async (type, error) => {
    const calls = failing(error, { times: 1 });
    await expect(bench.call('compareVersions', REQUEST)).rejects.toMatchObject({ type });
    expect(calls).toEqual([['2', '1']]);
    expect(await bench.call('compareVersions', REQUEST, { attempt: 2 })).toMatchObject({
      champion: { test_auc: 0.6 },
      championProblem: '',
    });
  });

  it('that has not passed when no attempt is left is a finding, if the challenger can be scored', async () => {
    failing(ofStep('StepCrashed', true));
    expect(await bench.call('compareVersions', REQUEST, { attempt: 8 })).toMatchObject({
      challenger: { test_auc: 0.7 },
      championProblem: 'it is a StepCrashed',
    });
  });
});

describe('a champion that cannot be scored for good is a finding', () => {
  it.each([
    ofStep('ModelLoadFailed', false),
    ofStep('ModelMismatch', false),
    new CommandTimedOut('The step', 1_000),
    new CommandFailed(['score'], { exitCode: null, signal: 'SIGKILL' }, '', ''),
  ])('by the bundled step: %s', async (error) => {
    const calls = failing(error);
    expect(await bench.call('compareVersions', REQUEST)).toMatchObject({
      challenger: { test_auc: 0.7 },
      champion: null,
      championProblem: error.message,
      unscored: error instanceof StepError && error.type === 'ModelMismatch' ? 'cannotRead' : 'failed',
    });
    expect(calls).toEqual([['2', '1'], ['2']]);
  });

  it('by a command that fails for it alone; the challenger is scored once', async () => {
    const calls = failing(exited(1), { command: true });
    const comparison = await bench.call('compareVersions', REQUEST);
    expect(comparison).toMatchObject({ challenger: { test_auc: 0.7 }, champion: null });
    expect(comparison.championProblem).toContain('no such column');
    expect(calls).toEqual([['2'], ['1']]);
  });

  it('by a command that has attempts, when it has failed in all of them', async () => {
    failing(ofStep('CommandFailed', true), { command: true });
    const options = { maximumAttempts: 3 };
    await expect(bench.call('compareVersions', REQUEST, { ...options, attempt: 2 })).rejects.toMatchObject({
      type: 'CommandFailed',
    });
    expect(await bench.call('compareVersions', REQUEST, { ...options, attempt: 3 })).toMatchObject({
      champion: null,
      championProblem: 'it is a CommandFailed',
    });
  });
});

describe('a champion that was trained on another split', () => {
  const split = (seed: number | null) =>
    seed === null ? {} : { 'mediwatch.split': `seed ${seed}, test 0.15, by patient_nbr` };
  const compared = async (ours: number | null, theirs: number | null) => {
    const tags: Record<string, Record<string, string>> = { '2': split(ours), '1': split(theirs) };
    bench = createBench({
      run: async ({ input }) => ((input as { models: unknown[] }).models.length > 1 ? BOTH_SCORED : ALONE),
      mlflow: { getVersion: async (_, version) => ({ version, tags: tags[version] }) as never },
    });
    return await bench.call('compareVersions', REQUEST);
  };

  it('is not scored on rows that it may know, and the verdict says why', async () => {
    const { challenger, champion, championProblem, unscored } = await compared(7, 42);
    expect([challenger, champion]).toEqual([{ test_auc: 0.7 }, null]);
    expect(unscored).toBe('otherSplit');
    expect(championProblem).toContain('another split of the data (seed 42, test 0.15');
    expect(championProblem).toContain('here: seed 7');
  });

  it.each([
    [42, 42],
    [42, null],
    [null, 42],
  ])('is one only if both are known and differ: %s, %s', async (ours, theirs) => {
    expect((await compared(ours, theirs)).champion).toEqual({ test_auc: 0.6 });
  });
});

it('the challenger beside the trivial model is what the gate is given', async () => {
  const floors = {
    '1': { metric: 'test_auc', trivial: 0.5, score: 0.6, low: 0.55 },
    '2': { metric: 'test_auc', trivial: 0.5, score: 0.7, low: 0.65 },
  };
  bench = createBench({ run: async () => ({ ...BOTH_SCORED, floors }) });
  expect((await bench.call('compareVersions', REQUEST)).floor).toEqual(floors['2']);
});

it('a challenger that the command fails for once is not blamed on the champion', async () => {
  const calls: string[] = [];
  bench = createBench({
    async run({ input }: StepCall) {
      const [{ id }] = (input as { models: [{ id: string }] }).models;
      calls.push(id);
      if (calls.length === 1) throw exited(75);
      return { test_auc: 0.7 };
    },
    config({ steps: { evaluate } }) {
      evaluate.command = ['score', '{version}'];
    },
  });
  await expect(bench.call('compareVersions', REQUEST)).rejects.toMatchObject({ type: 'StepFailed' });
  expect(calls).toEqual(['2']);
});
