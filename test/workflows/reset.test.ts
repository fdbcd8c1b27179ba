import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import { type LockRequest, lockQueue } from '../../src/contracts/lock.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { type StewardState, stewardQuery } from '../../src/contracts/steward.ts';
import type { PromoteResult, RetrainResult, RollbackResult } from '../../src/contracts/workflows.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, DATASET, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
});

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];
const MODEL = 'MediWatchReadmit';
const TIME = { timeoutMs: 20_000 };

/** Whether an event starts this child workflow or schedules this activity. */
const starts = (name: string) => (event: Event) =>
  event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType?.name === name ||
  event.activityTaskScheduledEventAttributes?.activityType?.name === name;

/**
 * Resets a workflow as the UI does: to the last "Workflow Task Completed" before the first event that is meant, or to
 * the last of all.
 *
 * @returns the run that goes on
 */
async function reset(handle: WorkflowHandle, before?: (event: Event) => boolean): Promise<WorkflowHandle> {
  const { workflowId } = handle;
  const { runId } = await bench.client.workflow.getHandle(workflowId).describe();
  const events = (await bench.client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
  const end = before ? events.findIndex(before) : events.length;
  if (end < 0) throw new Error(`${workflowId} has no such event.`);
  const point = events.slice(0, end).findLast((event) => event.workflowTaskCompletedEventAttributes);
  const answer = await bench.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    reason: 'by the test',
    requestId: `${runId}-${end}`,
    workflowTaskFinishEventId: point?.eventId ?? null,
  });
  return bench.client.workflow.getHandle(workflowId, answer.runId);
}

/** Lets an activity wait until it is let go. */
function holding() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { held: promise, letGo: resolve };
}

const progressOf = (handle: WorkflowHandle) => handle.query<Progress>('progress').catch(() => null);
const tried = () => world.calls.filter(({ name }) => name === 'runTrial').map(({ input }) => Number(input.number));
const inProduction = () => world.versions.filter(({ stage }) => stage === 'Production').map(({ version }) => version);
const lockIsFree = () =>
  until(
    async () => {
      const handle = bench.client.workflow.getHandle(workflowIds.lock(MODEL));
      return (await handle.query<LockRequest[]>(lockQueue).catch(() => [])).length === 0;
    },
    { ...TIME, what: 'the lock to be free' },
  );

const versions = (...aucs: number[]) => addVersions(world, ...aucs);

describe('a retrain', () => {
  it('that failed in its promotion goes on after its training: no trial again, one version, which serves', async () => {
    world.override.readRegistry = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    const handle = await bench.start('retrain', { trials: 3 });
    await expect(handle.result()).rejects.toThrow();
    world.override = {};
    const goesOn = await reset(handle, starts('promote'));
    const result = (await goesOn.result()) as RetrainResult;
    expect(result).toMatchObject({ version: { version: '1' }, deployment: { version: '1' } });
    expect(tried().toSorted()).toEqual([0, 1, 2]);
    expect(world.versions).toHaveLength(1);
    expect(world.serving?.version).toBe('1');
    expect([...world.runs.values()]).toEqual(['FINISHED']);
    expect((await progressOf(goesOn))?.failure ?? null).toBeNull();
  });

  it('shows the times of its second deployment, not those of the first', async () => {
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    const handle = await bench.start('retrain', { trials: 0 });
    await expect(handle.result()).rejects.toThrow();
    const before = Date.now();
    world.override = {};
    const goesOn = await reset(handle, starts('promote'));
    await goesOn.result();
    const stages = (await progressOf(goesOn))?.stages.slice(-2);
    expect(stages).toMatchObject([
      { name: 'promote', state: 'done' },
      { name: 'redeploy', state: 'done' },
    ]);
    for (const { startedAt } of stages ?? []) expect(startedAt).toBeGreaterThan(before);
  });

  it('in the middle of its search goes on with it, and still shows its trials', async () => {
    const { held, letGo } = holding();
    world.override.runTrial = async ({ number, key }) => {
      if (number >= 3) await held;
      return { score: 0.6 + number / 1000, metrics: {}, runId: key };
    };
    const handle = await bench.start('retrain', { trials: 8 });
    const complete = async (of: WorkflowHandle) => (await progressOf(of))?.search?.complete ?? 0;
    await until(async () => (await complete(handle)) >= 3, { ...TIME, what: 'three trials' });
    const goesOn = await reset(handle);
    letGo();
    expect(await goesOn.result()).toMatchObject({ version: { version: '1' } });
    expect(await complete(goesOn)).toBe(8);
    expect(tried().toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(world.versions).toHaveLength(1);
  });

  it('that is reset to before the search that runs makes one version all the same', async () => {
    const { held, letGo } = holding();
    world.override.runTrial = async ({ number, key }) => {
      if (number >= 2) await held;
      return { score: 0.6 + number / 1000, metrics: {}, runId: key };
    };
    const handle = await bench.start('retrain', { trials: 4 });
    await until(() => tried().length >= 3, { ...TIME, what: 'a third trial' });
    const goesOn = await reset(handle, starts('hyperparameterSearch'));
    letGo();
    expect(await goesOn.result()).toMatchObject({ version: { version: '1' } });
    expect(world.versions).toHaveLength(1);
    expect(inProduction()).toEqual(['1']);
  });
});

describe('a promotion', () => {
  const waits = (handle: WorkflowHandle) =>
    until(async () => (await progressOf(handle))?.waiting?.for === 'decision', { ...TIME, what: 'a question' });

  it.each([
    ['its latest point', undefined],
    ['its beginning', starts('readRegistry')],
  ])('that waits for approval asks again after a reset to %s', async (_, before) => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await waits(handle);
    const goesOn = await reset(handle, before);
    await waits(goesOn);
    expect(inProduction()).toEqual(['1']);
    await goesOn.executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada', version: '2' }] });
    expect(await goesOn.result()).toMatchObject({ promotion: { promoted: true, approvedBy: 'ada' } });
    expect(world.history).toHaveLength(1);
    expect(world.serving?.version).toBe('2');
    await lockIsFree();
  });

  it('keeps the lock when it is reset in the middle of its deployment', async () => {
    versions(0.68, 0.69, 0.7);
    const { held, letGo } = holding();
    world.override.bringUpCandidate = async ({ key }) => {
      if (key.startsWith('2-')) await held;
      world.candidates.add(key);
      return [];
    };
    const handle = await bench.start('promote', { version: '2' });
    await until(() => world.count('bringUpCandidate') === 1, { ...TIME, what: 'the candidate' });
    const goesOn = await reset(handle);
    const other = await bench.start('promote', { version: '3' });
    await until(async () => (await progressOf(other))?.waiting?.for === 'lock', { ...TIME, what: 'the lock' });
    expect(inProduction()).toEqual(['2']);
    letGo();
    expect(await goesOn.result()).toMatchObject({ promotion: { promoted: true }, deployment: { version: '2' } });
    expect(await other.result()).toMatchObject({ promotion: { promoted: true, champion: '2' } });
    expect(world.history.map(({ version, replaced }) => [version, replaced])).toEqual([
      ['2', '1'],
      ['3', '2'],
    ]);
    await lockIsFree();
  });

  it('whose deployment failed takes the lock again, and does all that it had to take back', async () => {
    versions(0.68, 0.69, 0.7);
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    const handle = await bench.start('promote', { version: '2' });
    await expect(handle.result()).rejects.toThrow();
    expect(inProduction()).toEqual(['1']);

    // Meanwhile another one is at work.
    const { held, letGo } = holding();
    world.override.bringUpCandidate = async ({ key }) => {
      if (key.startsWith('3-')) await held;
      world.candidates.add(key);
      return [];
    };
    const other = await bench.start('promote', { version: '3' });
    await until(() => world.count('bringUpCandidate') === 2, { ...TIME, what: 'the other candidate' });
    const goesOn = await reset(handle, starts('redeploy'));
    await until(async () => (await progressOf(goesOn))?.waiting?.for === 'lock', {
      ...TIME,
      what: 'the lock',
    });
    expect(inProduction()).toEqual(['3']);
    letGo();
    await other.result();
    // The gate was asked again: the champion has changed.
    const { promotion } = (await goesOn.result()) as PromoteResult;
    expect(promotion).toMatchObject({ promoted: false, champion: '3' });
    expect(inProduction()).toEqual(['3']);
    expect(world.serving?.version).toBe('3');
    await lockIsFree();
  });
});

describe('a reset in the middle of a change of Production', () => {
  it('of a retrain, to before its promotion, promotes and deploys its version once more and says so', async () => {
    versions(0.68);
    const { held, letGo } = holding();
    world.override.bringUpCandidate = async ({ key }) => {
      await held;
      world.candidates.add(key);
      return [];
    };
    const handle = await bench.start('retrain', { trials: 0 });
    await until(() => world.count('bringUpCandidate') === 1, { ...TIME, what: 'the candidate' });
    expect(inProduction()).toEqual(['2']);
    const goesOn = await reset(handle, starts('promote'));
    letGo();
    const { promotion, deployment } = (await goesOn.result()) as RetrainResult;
    // What it had moved itself is not what it decides on: the champion is still the version before.
    expect(promotion).toMatchObject({ promoted: true, version: '2', champion: '1', verdict: { code: 'passed' } });
    expect(deployment).toMatchObject({ version: '2' });
    expect([inProduction(), world.aliases.champion, world.serving?.version]).toEqual([['2'], '2', '2']);
    await lockIsFree();
  });

  it('of a retrain leaves no deployment behind that moves the traffic without the lock', async () => {
    versions(0.68, 0.7);
    const { held, letGo } = holding();
    world.override.bringUpCandidate = async ({ key }) => {
      if (key.startsWith('3-')) await held;
      world.candidates.add(key);
      return [];
    };
    const handle = await bench.start('retrain', { trials: 0 });
    await until(() => world.count('bringUpCandidate') === 1, { ...TIME, what: 'the candidate' });
    // The new run of the retrain is refused by the gate, so that the model's lock goes to whoever asks.
    world.override.compareVersions = async () => {
      throw failure('StepFailed', 'No comparison.');
    };
    const goesOn = await reset(handle, starts('promote'));
    await expect(goesOn.result()).rejects.toThrow();
    delete world.override.compareVersions;
    await bench.run('promote', { version: '2', force: true });
    letGo();
    const deployment = bench.client.workflow.getHandle(workflowIds.stage(handle.workflowId, 'redeploy'));
    const isOver = async () => (await deployment.describe()).status.name !== 'RUNNING';
    await until(isOver, { ...TIME, what: 'the deployment of the run before to end' });
    expect(world.shares.filter(({ key }) => key.startsWith('3-'))).toEqual([]);
    expect([inProduction(), world.serving?.version]).toEqual([['2'], '2']);
  });

  it.each([
    ['its beginning', starts('askForLock')],
    ['the change of the registry', starts('promoteVersion')],
    ['its deployment', starts('redeploy')],
  ])('of a rollback, to %s, does not bring the bad version back', async (_, before) => {
    versions(0.68, 0.69);
    await bench.run('promote', { version: '2' });
    const { held, letGo } = holding();
    world.override.bringUpCandidate = async ({ key }) => {
      await held;
      world.candidates.add(key);
      return [];
    };
    const brought = world.count('bringUpCandidate');
    const handle = await bench.start('rollback', { reason: 'ward 7' });
    await until(() => world.count('bringUpCandidate') > brought, { ...TIME, what: 'the candidate' });
    expect(inProduction()).toEqual(['1']);
    const goesOn = await reset(handle, before);
    letGo();
    expect(await goesOn.result()).toMatchObject({ version: '1', left: '2', deployment: { version: '1' } });
    expect([inProduction(), world.serving?.version]).toEqual([['1'], '1']);
    await lockIsFree();
  });
});

describe('a rollback that failed', () => {
  it.each([
    ['its beginning', starts('askForLock')],
    ['the change of the registry', starts('promoteVersion')],
    ['its deployment', starts('redeploy')],
  ])('brings registry and API back together after a reset to %s', async (_, before) => {
    versions(0.68, 0.69);
    await bench.run('promote', { version: '2' });
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    const handle = await bench.start('rollback', { reason: 'ward 7' });
    await expect(handle.result()).rejects.toThrow();
    expect(inProduction()).toEqual(['2']);
    world.override = {};
    const result = (await (await reset(handle, before)).result()) as RollbackResult;
    expect(result).toMatchObject({ version: '1', left: '2', deployment: { version: '1' } });
    expect(inProduction()).toEqual(['1']);
    expect(world.serving?.version).toBe('1');
    expect(world.versions[1]?.tags.rolledBack).toBe('ward 7');
    await lockIsFree();
  });
});

it.each([
  ['its latest point', undefined],
  ['its decision', starts('findRetrain')],
])('a steward goes on after a reset to %s, and starts no second retrain beside the first', async (_, before) => {
  world = bench.world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '0' });
  const { held, letGo } = holding();
  world.override.prepareDataset = () => held.then(() => DATASET);
  const handle = bench.client.workflow.getHandle(await raiseAlert(bench.client, MODEL, { key: 'a', reason: 'drift' }));
  const state = () => handle.query<StewardState>(stewardQuery).catch(() => null);
  const follows = () =>
    until(
      async () => {
        const { pendingActivities } = (await handle.describe()).raw;
        return pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitRetrain');
      },
      { ...TIME, what: 'the retrain to be followed' },
    );
  await until(() => world.count('prepareDataset') === 1, { ...TIME, what: 'a retrain' });
  await follows();
  await reset(handle, before);
  await follows();
  letGo();
  await until(async () => (await state())?.phase === 'cooling', { ...TIME, what: 'the end of the retrain' });
  expect(world.count('prepareDataset')).toBe(1);
  expect(world.versions).toHaveLength(1);
  expect(await state()).toMatchObject({ counted: 1, pending: null });
  await handle.terminate();
});
