import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Activities } from '../../src/activities/index.ts';
import { whileHeartbeating } from '../../src/activities/lib/step.ts';
import { failure } from '../../src/contracts/errors.ts';
import { type LockRequest, lockQueue } from '../../src/contracts/lock.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
  addVersions(world, 0.68, 0.68);
});

const TIME = { timeoutMs: 20_000 };
const lockHolders = () =>
  bench.client.workflow
    .getHandle(workflowIds.lock('MediWatchReadmit'))
    .query<LockRequest[]>(lockQueue)
    .catch(() => []);

/** Waits inside an activity until its workflow has been cancelled. */
async function untilCancelled(): Promise<void> {
  await whileHeartbeating(() => Context.current().cancelled).catch(() => undefined);
}

describe('a workflow that is cancelled while the registry is changed', () => {
  it.each([
    ['promote', { version: '2' }],
    ['promote', { version: '2', stagingFirst: true }],
    ['rollback', { version: '2' }],
  ])('%s %j puts back what was changed after that too', async (type, input) => {
    const { promoteVersion } = world.activities();
    let began = false;
    let isMade = false;
    world.override.promoteVersion = async (request) => {
      began = true;
      await untilCancelled();
      // A slow server: the change that was under way is made all the same.
      await delay(500);
      await promoteVersion?.(request);
      isMade = true;
    };
    const handle = await bench.start(type, input);
    await until(() => began, { ...TIME, what: 'the registry to be changed' });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(isMade).toBe(true);
    expect(world.versions.map(({ stage }) => stage)).toEqual(['Production', 'None']);
    expect([world.aliases.champion, world.serving?.version]).toEqual(['1', '1']);
  });

  it.each(['readRegistry', 'recordVerdict'] as const)('ends as cancelled when %s then fails', async (during) => {
    let began = false;
    world.override[during] = async () => {
      began = true;
      await untilCancelled();
      throw failure('MlflowUnavailable', 'MLflow does not answer.');
    };
    const handle = await bench.start('retrain', { trials: 0 });
    await until(() => began, { ...TIME, what: `${during} to begin` });
    await handle.cancel();
    const error = await handle.result().catch((error: WorkflowFailedError) => error);
    expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
    expect([...world.runs.values()]).toEqual(['KILLED']);
  });

  it('closes a run of MLflow that was being made', async () => {
    const { openRun } = world.activities();
    let began = false;
    world.override.openRun = async (request) => {
      began = true;
      await untilCancelled();
      return await (openRun as NonNullable<typeof openRun>)(request);
    };
    const handle = await bench.start('retrain', { trials: 0 });
    await until(() => began, { ...TIME, what: 'the run to be made' });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect([...world.runs.values()]).toEqual(['KILLED']);
  });
});

it('a rollback that is cancelled after the API has followed marks the version that it left', async () => {
  const { stopIdle } = world.activities();
  let draining = false;
  let isCancelled = false;
  world.override.stopIdle = async (request) => {
    draining = true;
    await until(() => isCancelled, { ...TIME, what: 'the cancellation' });
    await stopIdle?.(request);
  };
  const handle = await bench.start('rollback', { version: '2', reason: 'ward 7' });
  await until(() => draining, { ...TIME, what: 'the API before to drain' });
  await handle.cancel();
  isCancelled = true;
  await handle.result().catch(() => undefined);
  expect(world.serving?.version).toBe('2');
  expect(world.versions.map(({ stage }) => stage)).toEqual(['Staging', 'Production']);
  expect(world.versions[0]?.tags.rolledBack).toBe('ward 7');
});

/** Where each workflow is when it is cancelled: in an activity whose processes take a moment to be gone. */
const PLACES: Array<[type: string, input: object, during: keyof Activities]> = [
  ['retrain', { trials: 0 }, 'prepareDataset'],
  ['retrain', { trials: 2 }, 'runTrial'],
  ['retrain', { trials: 0 }, 'trainModel'],
  ['retrain', { trials: 0 }, 'compareVersions'],
  ['retrain', { trials: 0 }, 'bringUpCandidate'],
  ['prepareData', {}, 'prepareDataset'],
  ['hyperparameterSearch', { trials: 2 }, 'proposeTrials'],
  ['hyperparameterSearch', { trials: 2 }, 'runTrial'],
  ['trainBestAndRegister', {}, 'trainModel'],
  ['trainBestAndRegister', {}, 'writeReport'],
  ['promote', { version: '2' }, 'compareVersions'],
  ['promote', { version: '2', dryRun: true }, 'compareVersions'],
  ['promote', { version: '2', stagingFirst: true }, 'bringUpCandidate'],
  ['promote', { version: '2' }, 'bringUpCandidate'],
  ['rollback', { version: '2' }, 'bringUpCandidate'],
  ['redeploy', { version: '2' }, 'bringUpCandidate'],
  ['buildImage', { version: '2' }, 'bakeImage'],
  ['driftCheck', {}, 'makeDriftReport'],
];

describe('a workflow that is cancelled waits for its processes and leaves Production as it was', () => {
  it.each(PLACES)('%s %j during %s', async (type, input, during) => {
    let began = 0;
    let gone = 0;
    const before = structuredClone([world.aliases.champion, world.serving, world.versions.map(({ stage }) => stage)]);
    world.override[during] = (() => {
      began += 1;
      return whileHeartbeating(() => Context.current().cancelled).finally(async () => {
        await delay(300);
        gone += 1;
      });
    }) as never;
    const handle = await bench.start(type, input);
    await until(() => began > 0, { ...TIME, what: `${during} to begin` });
    await handle.cancel();
    const error = await handle.result().then(
      () => undefined,
      (error: WorkflowFailedError) => error,
    );
    // A training whose version is registered has done its work.
    if (during === 'writeReport') expect(error).toBeUndefined();
    else expect(error?.cause).toBeInstanceOf(CancelledFailure);
    expect(gone).toBe(began);
    const stages = world.versions.slice(0, 2).map(({ stage }) => stage);
    expect([world.aliases.champion, world.serving, stages]).toEqual(before);
    expect([...world.candidates]).toEqual(['1-first']);
    expect([...world.runs.values()].filter((status) => status === 'RUNNING')).toEqual([]);
    await until(async () => (await lockHolders()).length === 0, { ...TIME, what: 'the lock to be free' });
  });
});
