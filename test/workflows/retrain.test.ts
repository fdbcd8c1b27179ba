import { setTimeout } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../src/contracts/errors.ts';
import { TAGS, TASK_QUEUES } from '../../src/contracts/names.ts';
import type { Progress, WorkflowFailure } from '../../src/contracts/progress.ts';
import type { RetrainResult, SearchResult } from '../../src/contracts/workflows.ts';
import { explainFailure } from '../../src/words/explain.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { createWorld, DATASET, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
});

const start = (type: string, ...args: unknown[]) => bench.start(type, ...args);
const run = (type: string, ...args: unknown[]) => bench.run(type, ...args);
const refusal = (type: string, ...args: unknown[]) => bench.refusal(type, ...args);
const stageOf = (version: string) => world.versions.find((other) => other.version === version)?.stage;

describe('retrain', () => {
  it('needs no input, and ends with a new version in Production that serves', async () => {
    const result = (await run('retrain')) as RetrainResult;
    expect(result).toMatchObject({
      version: { version: '1' },
      promotion: { promoted: true, registryStage: 'Production', champion: null },
      deployment: { version: '1', previousVersion: null },
    });
    expect(world.count('runTrial')).toBe(20);
    expect(world.aliases).toEqual({ champion: '1' });
    expect(world.serving?.version).toBe('1');
    expect([...world.runs.values()]).toEqual(['FINISHED']);
  });

  it('replaces the API of another model, although that serves a version of the same number', async () => {
    world.serving = { key: '1-other', version: '1' };
    world.override.serving = async () => world.serving && { ...world.serving, model: 'Other' };
    const result = (await run('retrain', { trials: 1 })) as RetrainResult;
    expect(result.deployment).toMatchObject({ version: '1', previousVersion: null });
    expect(world.count('bringUpCandidate')).toBe(1);
    expect(world.serving.key).not.toBe('1-other');
  });

  it('keeps the version that it replaces in Staging', async () => {
    await run('retrain', { trials: 1 });
    await run('retrain', { trials: 1 });
    expect([stageOf('1'), stageOf('2')]).toEqual(['Staging', 'Production']);
    expect(world.aliases).toMatchObject({ champion: '2', previous: '1' });
    expect(world.candidates.size).toBe(1);
  });

  it('keeps the champion when the challenger scores more than 0.005 less', async () => {
    await run('retrain', { trials: 1 });
    world.override.trainModel = async ({ runId }) => ({ runId, modelUri: 'models:/x', metrics: { test_auc: 0.67 } });
    const result = (await run('retrain', { trials: 1 })) as RetrainResult;
    expect(result.promotion).toMatchObject({ promoted: false, champion: '1' });
    expect(result.promotion?.verdict).toMatchObject({ code: 'refused', rules: [{ challenger: 0.67, champion: 0.68 }] });
    expect(world.serving?.version).toBe('1');
  });

  it('trains without a search when asked for no trials', async () => {
    const result = (await run('retrain', { trials: 0, model: 'rf' })) as RetrainResult;
    expect(result.version.version).toBe('1');
    expect(world.count('runTrial')).toBe(0);
    expect(world.calls.find(({ name }) => name === 'trainModel')?.input).toMatchObject({ model: 'rf', params: null });
  });

  it('registers only when the stage is None', async () => {
    const result = (await run('retrain', { trials: 1, registryStage: 'None' })) as RetrainResult;
    expect(result).toMatchObject({ promotion: null, deployment: null });
    expect(stageOf('1')).toBe('None');
  });

  it('puts the registry back and keeps the old API when the new one cannot be deployed', async () => {
    await run('retrain', { trials: 1 });
    world.override.bringUpCandidate = async ({ key }) => {
      world.candidates.add(key);
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    expect((await refusal('retrain', { trials: 1 })).message).toContain('It answered 500.');
    expect([stageOf('1'), stageOf('2')]).toEqual(['Production', 'None']);
    expect(world.aliases).toMatchObject({ champion: '1' });
    expect(world.serving?.version).toBe('1');
    expect(world.candidates).toEqual(new Set([world.serving?.key]));
    expect([...world.runs.values()]).toEqual(['FINISHED', 'FAILED']);
  });

  it('goes by the settings of its start, whatever they become while it runs', async () => {
    const { resolvePlan } = world.activities();
    let asked = 0;
    world.override.resolvePlan = async (request) => {
      asked += 1;
      const plan = await (resolvePlan as NonNullable<typeof resolvePlan>)(request);
      return asked === 1 ? plan : { ...plan, policy: 'never', sampler: 'random', redeploy: false };
    };
    expect(await run('retrain', { trials: 2 })).toMatchObject({ promotion: { promoted: true } });
    expect(world.serving?.version).toBe('1');
    expect(world.calls.find(({ name }) => name === 'proposeTrials')?.input.sampler).toBe('tpe');
  });

  it('says that its version serves when only a command after that failed', async () => {
    const { resolvePlan } = world.activities();
    world.override.resolvePlan = async (request) => ({
      ...(await (resolvePlan as NonNullable<typeof resolvePlan>)(request)),
      extraSteps: [
        {
          name: 'tell-the-ward',
          stage: 'redeploy',
          when: 'after',
          timeoutSeconds: 5,
          attempts: 1,
          backoffSeconds: 1,
          slotWaitSeconds: 0,
        },
      ],
    });
    world.override.runExtraStep = async () => {
      throw failure('StepFailed', 'No line to the ward.');
    };
    const tags: Array<Record<string, string>> = [];
    world.override.closeRun = async (request) => void tags.push(request.tags ?? {});
    const handle = await start('retrain', { trials: 1 });
    await expect(handle.result()).rejects.toThrow();
    const progress = await handle.query<Progress>('progress');
    expect(progress.facts).toMatchObject({ registered: '1', promotedTo: 'Production', deployed: '1' });
    const { left, next } = explainFailure(progress, progress.failure as WorkflowFailure);
    expect(left).toBe(
      'Version 1 is in Production, and the API answers with it. Only what was to come after that was not done.',
    );
    expect(next).toContain('"Reset"');
    expect(tags).toMatchObject([{ [TAGS.promoted]: 'Production', [TAGS.failure]: expect.stringContaining('ward') }]);
  });

  it('ends well when only its run in MLflow cannot be closed', async () => {
    world.override.closeRun = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    const handle = await start('retrain', { trials: 1 });
    expect(await handle.result()).toMatchObject({ promotion: { promoted: true } });
    const { remarks } = await handle.query<Progress>('progress');
    expect(remarks).toMatchObject([{ code: 'runNotClosed', cause: expect.stringContaining('MLflow says no.') }]);
  });

  it('shows its stages and its search while it runs', async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    world.override.trainModel = async ({ runId }) => {
      await held;
      return { runId, modelUri: 'models:/x', metrics: { test_auc: 0.68 } };
    };
    const handle = await start('retrain', { trials: 4 });
    const progress = await until(
      async () => {
        const now = await handle.query<Progress>('progress').catch(() => undefined);
        return now?.stages[2]?.state === 'running' ? now : undefined;
      },
      { timeoutMs: 20_000, what: 'the training stage' },
    );
    expect(progress.stages.map(({ state }) => state)).toEqual(['done', 'done', 'running', 'waiting', 'waiting']);
    expect(progress.search).toMatchObject({ total: 4, complete: 4, best: { number: 3, score: 0.603 } });
    letGo();
    await handle.result();
  });
});

/** A data set that is large enough for rungs. */
const split = { rows: 30_000, groups: 30_000, positives: 3_000 };
const LARGE = { ...DATASET, splits: { train: split, validation: split, test: split } };

describe('a search', () => {
  it('prunes trials at the rungs where Python says so, and trains the best of the others', async () => {
    world.override.prepareDataset = async () => LARGE;
    world.override.runRung = async ({ number, step }) => ({
      score: 0.9,
      pruned: number % 2 === 1 || (number === 2 && step === 3),
    });
    const result = await run('hyperparameterSearch', { trials: 6, parallel: 1 });
    expect(result).toMatchObject({ complete: 2, pruned: 4, failed: 0, best: { number: 4, score: 0.604 } });
    const { trials } = result as SearchResult;
    expect(trials.map(({ state }) => state)).toEqual([
      ...['complete', 'pruned', 'pruned', 'pruned'],
      ...['complete', 'pruned'],
    ]);
    expect(trials[2]).toMatchObject({
      runId: expect.stringContaining('trial/2'),
      reports: [
        { step: 1, score: 0.9 },
        { step: 3, score: 0.9 },
      ],
    });
    expect(world.count('runRung')).toBe(9);
    expect(world.count('runTrial')).toBe(2);
  });

  it('lets a script be judged by the trials before it, and takes over what it told', async () => {
    const { resolvePlan } = world.activities();
    world.override.resolvePlan = async (request) => ({
      ...(await (resolvePlan as NonNullable<typeof resolvePlan>)(request)),
      trialCommand: true,
    });
    world.override.prepareDataset = async () => LARGE;
    world.override.runTrial = async ({ number, key }) => {
      const reports = [{ step: 1, score: 0.5 - number / 10 }];
      return { score: 0.5 - number / 10, metrics: {}, runId: key, reports, ...(number > 0 && { pruned: true }) };
    };
    const result = await run('hyperparameterSearch', { trials: 3, parallel: 1 });
    expect(result).toMatchObject({ complete: 1, pruned: 2, failed: 0, best: { number: 0 } });
    expect(world.count('runRung')).toBe(0);
    expect(world.calls.findLast(({ name }) => name === 'runTrial')?.input.contest).toEqual({
      ...{ pruner: 'asha', direction: 'maximize' },
      trials: [
        { number: 0, state: 'complete', reports: [{ step: 1, score: 0.5 }] },
        { number: 1, state: 'pruned', reports: [{ step: 1, score: 0.4 }] },
        { number: 2, state: 'running' },
      ],
    });
  });

  it('has no rungs without a pruner, nor for few rows', async () => {
    await run('hyperparameterSearch', { trials: 2 });
    world.override.prepareDataset = async () => LARGE;
    await run('hyperparameterSearch', { trials: 2, pruner: 'none' });
    expect(world.count('runRung')).toBe(0);
  });

  it('repeats no rung that had finished when the worker dies at a later one', async () => {
    world.override.prepareDataset = async () => LARGE;
    let died = false;
    world.override.runRung = async ({ step }) => {
      if (step === 3 && !died) {
        died = true;
        throw ApplicationFailure.retryable('the worker was killed');
      }
      return { score: 0.6, pruned: false };
    };
    const result = await run('hyperparameterSearch', { trials: 1 });
    expect(result).toMatchObject({ complete: 1, pruned: 0 });
    expect(world.calls.filter(({ name }) => name === 'runRung').map(({ input }) => input.step)).toEqual([1, 3, 3]);
  });

  it('records a failed trial and goes on', async () => {
    world.override.runTrial = async ({ number, key }) => {
      if (number === 1) throw failure('StepFailed', 'no convergence');
      return { score: 0.5 + number / 100, metrics: {}, runId: key };
    };
    const result = await run('hyperparameterSearch', { trials: 4 });
    expect(result).toMatchObject({ complete: 3, failed: 1, best: { number: 3 } });
  });

  it('fails with a reason when more than half of the trials fail', async () => {
    world.override.runTrial = async () => {
      throw failure('StepFailed', 'no convergence');
    };
    // One after the other: of several at once, a fifth may have failed too by the time that the fourth is noticed.
    const refused = await refusal('hyperparameterSearch', { trials: 6, parallel: 1 });
    expect(refused.type).toBe('TooManyTrialsFailed');
    expect(refused.message).toContain('4 of 6 trials failed, the last one with: no convergence');
    expect(world.count('runTrial')).toBeLessThan(7);
    expect([...world.runs.values()]).toEqual(['FAILED']);
  });

  it('begins no trial after so many without a better score, and says so', async () => {
    world = bench.world = createWorld({ MEDIWATCH_SEARCH_PATIENCE: '3' });
    const scores = [0.5, 0.7, 0.6, 0.7, 0.6];
    world.override.runTrial = async ({ number, key }) => ({ score: scores[number] ?? 0.9, metrics: {}, runId: key });
    const handle = await start('hyperparameterSearch', { trials: 20, parallel: 1 });
    const result = await handle.result();
    expect(result).toMatchObject({ complete: 5, failed: 0, stopped: 'patience', best: { number: 1, score: 0.7 } });
    expect(result.trials).toHaveLength(5);
    expect(world.count('runTrial')).toBe(5);
  });

  it('begins no trial after its time, and keeps the one that was running', async () => {
    world = bench.world = createWorld({ MEDIWATCH_SEARCH_TIMEOUT: '0.2' });
    world.override.runTrial = async ({ number, key }) => {
      await setTimeout(300);
      return { score: 0.5 + number / 100, metrics: {}, runId: key };
    };
    const result = await run('hyperparameterSearch', { trials: 20, parallel: 2 });
    expect(result).toMatchObject({ complete: 2, stopped: 'timeout', best: { number: 1 } });
  });

  it('runs as many trials at once as it may, and no more', async () => {
    let running = 0;
    let most = 0;
    let all = () => {};
    const allAtOnce = new Promise<void>((resolve) => {
      all = resolve;
    });
    world.override.runTrial = async ({ key }) => {
      running += 1;
      most = Math.max(most, running);
      if (running === 3) all();
      await allAtOnce;
      running -= 1;
      return { score: 0.6, metrics: {}, runId: key };
    };
    await run('hyperparameterSearch', { trials: 12, parallel: 3 });
    expect(most).toBe(3);
  });

  it('tries parameters that were recorded before, each once', async () => {
    await run('hyperparameterSearch', { trials: 15 });
    const tried = world.calls.filter(({ name }) => name === 'runTrial').map(({ input }) => input.number);
    expect(tried.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 15 }, (_, index) => index));
  });

  it('ends with an outage of MLflow rather than counting it as failed trials', async () => {
    world.override.runTrial = async () => {
      throw ApplicationFailure.create({ type: 'MlflowRefused', message: 'MLflow says no', nonRetryable: true });
    };
    expect((await refusal('hyperparameterSearch', { trials: 4 })).type).toBe('MlflowRefused');
  });
});

describe('bad input', () => {
  it.each([
    ['retrain', { trials: -1 }, 'trials: '],
    ['retrain', 'twenty', 'expected an object; got a text'],
    ['retrain', { trails: 20 }, 'trails: unknown field; did you mean "trials"?'],
    ['retrain', { trials: '20' }, 'trials: '],
    ['retrain', [1, 2], 'expected an object; got a list'],
    ['promote', { version: 3 }, 'version: '],
    ['rollback', { version: 'newest' }, 'expected a version number'],
    ['redeploy', { when: 'now' }, 'when'],
    ['hyperparameterSearch', { trials: 0 }, 'trials: '],
    ['trainBestAndRegister', { model: 'xgb' }, 'model: '],
    ['prepareData', { seed: 1.5 }, 'seed: '],
  ])('%s refuses %j, naming what is wrong and showing what works', async (type, input, named) => {
    const refused = await refusal(type, input);
    expect(refused.type).toBe('InvalidInput');
    expect(refused.nonRetryable).toBe(true);
    expect(refused.message).toContain(named);
    expect(refused.message).toContain('An input that works');
    expect(world.calls).toEqual([]);
  });

  it('that is not even JSON is refused with a reason too', async () => {
    const workflowId = 'retrain-garbage';
    await bench.client.workflowService.startWorkflowExecution({
      namespace: 'default',
      workflowId,
      requestId: workflowId,
      workflowType: { name: 'retrain' },
      taskQueue: { name: TASK_QUEUES.orchestration },
      input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{trials: 3') }] },
    });
    const error = await bench.client.workflow
      .getHandle(workflowId)
      .result()
      .catch((error: unknown) => error);
    expect((error as WorkflowFailedError).cause?.message).toContain('it is not JSON');
  });
});
