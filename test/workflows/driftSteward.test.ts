import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../src/contracts/errors.ts';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';
import type { Notification } from '../../src/contracts/notifications.ts';
import { driftAlert, pauseSteward, resumeSteward, retrainNow, stewardQuery } from '../../src/contracts/steward.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet, startWorkers, type TestWorkers } from '../support/workers.ts';
import { createWorld, DATASET, type World } from '../support/world.ts';

/** Retrains without a search; a cooldown that no test outlives unless it says so. */
const SETTINGS = { MEDIWATCH_SEARCH_TRIALS: '0', MEDIWATCH_STEWARD_COOLDOWN: '3600' };

let server: TestTemporal;
let workers: TestWorkers;
let world: World;
let model: string;
let number = 0;

/** Activities are looked up at each call, so that every test has a world of its own; alerts are raised in earnest. */
const { raiseAlert: _, ...dispatch } = Object.fromEntries(
  Object.keys(createWorld().activities()).map((name) => [
    name,
    (input: unknown) => (world.activities() as Record<string, (input: unknown) => unknown>)[name]?.(input),
  ]),
);

beforeAll(async () => {
  quiet();
  server = await startTemporal();
  workers = await startWorkers(server.address, dispatch);
});
afterAll(async () => {
  await workers?.stop();
  await server?.stop();
});
beforeEach(() => {
  number += 1;
  model = `model-${number}`;
  world = createWorld(SETTINGS, { models: [model] });
});

const raise = (alert: Parameters<typeof raiseAlert>[2] = {}) => raiseAlert(workers.client, model, alert);
const steward = () => workers.client.workflow.getHandle(workflowIds.steward(model));
const state = () => steward().query(stewardQuery);
const reaches = (what: string, isSo: (told: Awaited<ReturnType<typeof state>>) => boolean) =>
  until(
    async () => {
      const told = await state().catch(() => undefined);
      return told && isSo(told) ? told : undefined;
    },
    { timeoutMs: 30_000, what: `the steward of ${model} to be ${what}` },
  );
const phase = (wanted: string) => reaches(wanted, (told) => told.phase === wanted);
/** Every retrain of the model that the server knows. */
async function retrains(): Promise<string[]> {
  const found: string[] = [];
  const query = `WorkflowType = "retrain" AND MediwatchModel = "${model}"`;
  for await (const { workflowId } of workers.client.workflow.list({ query })) found.push(workflowId);
  return found;
}
/** Holds retrains in their first step until they are let go; a worker that stops does not wait for them. */
function holdRetrains(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  world.override.prepareDataset = async () => {
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    await Promise.race([promise, context.cancelled]).finally(() => clearInterval(beat));
    return DATASET;
  };
  return resolve;
}
/** The retrain under way, once Temporal has it. */
const underWay = async () => {
  const workflowId = (await phase('retraining')).current?.workflowId ?? '';
  const handle = workers.client.workflow.getHandle(workflowId);
  await until(() => handle.describe().catch(() => undefined), { timeoutMs: 20_000, what: workflowId });
  return handle;
};
const failRetrains = () => {
  world.override.trainModel = async () => {
    throw failure('StepFailed', 'no convergence');
  };
};
/** What the steward told people; retrains tell of themselves. */
const notices = () =>
  world.calls
    .flatMap(({ name, input }) => (name === 'notify' ? [input as unknown as Notification] : []))
    .filter(({ title }) => title.includes(`steward of ${model}`));
const details = async (handle: WorkflowHandle) => JSON.stringify(await handle.query('__temporal_workflow_metadata'));

describe('a drift alert', () => {
  it('starts one retrain that ends in a version in Production, and the steward cools down', async () => {
    const sender = 'webhook.token from 10.1.2.3';
    await raise({ reason: 'the ward moved', report: 'http://mlflow/report', key: 'a', sender });
    const told = await phase('cooling');
    expect(told).toMatchObject({ counted: 1, pending: null, retrains: 1, failures: 0, current: null });
    expect(told.last?.ending).toMatchObject({ code: 'promoted', version: '1', registryStage: 'Production' });
    expect(world.serving?.version).toBe('1');
    const { memo, workflowId } = await workers.client.workflow.getHandle(told.last?.workflowId ?? '').describe();
    expect(workflowId).toMatch(new RegExp(`^retrain-drift-${model}-`));
    expect(memo).toEqual({ trigger: `drift alert by ${sender}`, report: 'http://mlflow/report', alerts: 1 });
    expect(world.calls.find(({ name }) => name === 'registerVersion')?.input).toMatchObject({ registeredModel: model });
  });

  it('is forgotten by no outage: what the steward asks before and after a retrain is asked until it is answered', async () => {
    await raise();
    await phase('cooling');
    const { events } = await steward().fetchHistory();
    const asked = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: task }) => task ?? []);
    const attempts = (name: string) =>
      asked
        .filter(({ activityType }) => activityType?.name === name)
        .map(({ retryPolicy }) => retryPolicy?.maximumAttempts);
    for (const name of ['resolveStewardPlan', 'findRetrain', 'awaitRetrain']) {
      expect(new Set(attempts(name)), name).toEqual(new Set([0]));
    }
  });

  it('is one of 200 at once, some of them twice: still one retrain', async () => {
    const letGo = holdRetrains();
    await Promise.all(Array.from({ length: 200 }, (_, index) => raise({ key: `k${index % 150}` })));
    await reaches('told of all', ({ counted, duplicates }) => counted === 150 && duplicates === 50);
    letGo();
    expect(await phase('cooling')).toMatchObject({ counted: 150, retrains: 1, pending: null });
    expect(await retrains()).toHaveLength(1);
  });

  it('that comes during the cooldown starts one retrain after it', async () => {
    world = createWorld({ ...SETTINGS, MEDIWATCH_STEWARD_COOLDOWN: '4' }, { models: [model] });
    await raise();
    await phase('cooling');
    await raise({ reason: 'again' });
    await raise({ reason: 'and again' });
    expect(await state()).toMatchObject({ phase: 'cooling', retrains: 1, pending: { count: 2 } });
    await reaches('done with the second', ({ retrains, current }) => retrains === 2 && current === null);
    await phase('idle');
    expect(await retrains()).toHaveLength(2);
  });

  it('that comes during a retrain that promotes nothing waits for the next', async () => {
    world = createWorld({ ...SETTINGS, MEDIWATCH_PROMOTION_POLICY: 'never' }, { models: [model] });
    const letGo = holdRetrains();
    await raise();
    await phase('retraining');
    await raise({ reason: 'later' });
    letGo();
    expect(await phase('cooling')).toMatchObject({ pending: { count: 1, latest: { reason: 'later' } } });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['an empty list', []],
    ['a list', [[{ key: 'x' }]]],
    ['a wrong field', { share: 'much', key: 'kept' }],
    ['a huge text', 'x'.repeat(100_000)],
  ])('that is %s counts', async (what, alert) => {
    const letGo = holdRetrains();
    await raise();
    await phase('retraining');
    await steward().signal(driftAlert, alert as never);
    const told = await reaches('told', ({ counted }) => counted === 2);
    const isEmpty = alert === undefined || alert === null;
    expect(told.pending?.latest.reason ?? '', what).toEqual(
      isEmpty ? '' : expect.stringContaining('could not be read'),
    );
    letGo();
    await phase('cooling');
  });

  it('that is not JSON counts, and fails no workflow task', async () => {
    const letGo = holdRetrains();
    await raise();
    const { workflowService } = workers.client;
    const encoding = { encoding: Buffer.from('json/plain') };
    for (const signalName of ['driftAlert', 'pause', 'unknown']) {
      await workflowService.signalWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: workflowIds.steward(model) },
        signalName,
        input: { payloads: [{ metadata: encoding, data: Buffer.from('{oops') }] },
      });
    }
    const told = await reaches('told', ({ counted, paused }) => counted === 2 && paused !== null);
    expect(told.pending?.latest.reason).toContain('it is not JSON');
    letGo();
    await phase('paused');
    const { events } = await steward().fetchHistory();
    expect(events?.filter(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes)).toEqual([]);
  });
});

describe('a retrain that does not end well', () => {
  it('is tried again after a back-off, and after three failures the steward pauses and tells people', async () => {
    world = createWorld({ ...SETTINGS, MEDIWATCH_STEWARD_BACKOFF: '0.3' }, { told: true, models: [model] });
    failRetrains();
    await raise({ reason: 'drift' });
    const told = await phase('paused');
    expect(told).toMatchObject({ failures: 3, retrains: 3, pending: { count: 1 }, paused: { by: null } });
    expect(told.last?.ending).toMatchObject({ code: 'failed', message: expect.stringContaining('no convergence') });
    await until(() => notices().length === 4, { timeoutMs: 20_000, what: 'four notices' });
    expect(
      notices()
        .map(({ event, severity }) => `${event} ${severity}`)
        .sort(),
    ).toEqual([...Array.from({ length: 3 }, () => 'retrainFailed warning'), 'stewardPaused critical']);
    expect(await retrains()).toHaveLength(3);

    world.override = {};
    await steward().signal(resumeSteward);
    expect(await phase('cooling')).toMatchObject({ failures: 0, retrains: 4, pending: null, paused: null });
  });

  it('does not hold up the steward when nobody can be told', async () => {
    world = createWorld(
      { ...SETTINGS, MEDIWATCH_STEWARD_BACKOFF: '0.3', MEDIWATCH_STEWARD_MAX_FAILURES: '2' },
      { told: true, models: [model] },
    );
    failRetrains();
    world.override.notify = async () => {
      throw new Error('no network');
    };
    await raise();
    expect(await phase('paused')).toMatchObject({ retrains: 2 });
  });

  it('is answered by the person who cancels it', async () => {
    world = createWorld(SETTINGS, { told: true, models: [model] });
    holdRetrains();
    await raise();
    await (await underWay()).cancel();
    const told = await phase('cooling');
    expect(told).toMatchObject({ pending: null, failures: 0, last: { ending: { code: 'cancelled' } } });
    expect(notices()).toEqual([]);
  });

  it('failed when somebody terminates it', async () => {
    holdRetrains();
    await raise();
    await (await underWay()).terminate('by the test');
    expect(await phase('backingOff')).toMatchObject({ pending: { count: 1 }, failures: 1 });
  });
});

describe('a steward', () => {
  it('counts and starts nothing while it is paused, and decides at once when it is resumed', async () => {
    await workers.client.workflow.signalWithStart('driftSteward', {
      workflowId: workflowIds.steward(model),
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ registeredModel: model }],
      signal: pauseSteward,
      signalArgs: [{ by: 'ada', reason: 'data centre moves' }],
    });
    await raise();
    await raise();
    const told = await reaches('told', ({ counted }) => counted === 2);
    expect(told).toMatchObject({ phase: 'paused', retrains: 0, pending: { count: 2 }, paused: { by: 'ada' } });
    expect(await details(steward())).toContain('Paused by ada');
    await steward().signal(resumeSteward);
    expect(await phase('cooling')).toMatchObject({ retrains: 1, pending: null });
  });

  it('lets a retrain go on that is under way when it is paused', async () => {
    const letGo = holdRetrains();
    await raise();
    await phase('retraining');
    await steward().signal(pauseSteward, {});
    letGo();
    expect(await phase('paused')).toMatchObject({ last: { ending: { code: 'promoted', version: '1' } } });
  });

  it('retrains now when asked, in a cooldown and in a pause, but not beside another', async () => {
    await raise();
    await phase('cooling');
    await steward().signal(pauseSteward, { by: 'ada' });
    const letGo = holdRetrains();
    const { workflowId } = await steward().executeUpdate(retrainNow, { args: [{ by: 'bob', reason: 'new codes' }] });
    expect(workflowId).toMatch(/^retrain-drift-/);
    await expect(steward().executeUpdate(retrainNow, { args: [{}] })).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`${workflowId} is under way`) },
    });
    letGo();
    expect(await phase('paused')).toMatchObject({ retrains: 2, failures: 0, paused: { by: 'ada' } });
    const { memo } = await workers.client.workflow.getHandle(workflowId ?? '').describe();
    expect(memo).toMatchObject({ trigger: 'asked for by bob', alerts: 0 });
  });

  it('waits for a retrain of somebody else, and needs none of its own when that brings a version to Production', async () => {
    const letGo = holdRetrains();
    const other = await startRetrain();
    await raise();
    await phase('waiting');
    expect(await steward().executeUpdate(retrainNow, { args: [{}] })).toEqual({
      workflowId: null,
      startsAfter: other.workflowId,
    });
    letGo();
    const told = await reaches('done', ({ phase, retrains }) => phase === 'cooling' && retrains === 1);
    expect(told.pending).toBeNull();
  });

  it('starts its own when the retrain of somebody else brought nothing to Production', async () => {
    const letGo = holdRetrains();
    const other = await startRetrain({ registryStage: 'None' });
    await raise();
    await phase('waiting');
    expect(await retrains()).toEqual([other.workflowId]);
    letGo();
    expect(await phase('cooling')).toMatchObject({ retrains: 1, last: { ending: { code: 'promoted', version: '2' } } });
  });

  it('started by hand under another id makes sure of the right one, and hands it its alerts', async () => {
    const handle = await workers.client.workflow.signalWithStart('driftSteward', {
      workflowId: `by-hand-${number}`,
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ registeredModel: model }],
      signal: driftAlert,
      signalArgs: [{ key: 'once' }],
    });
    expect(await handle.result()).toBeNull();
    expect(await details(handle)).toContain(workflowIds.steward(model));
    expect(await phase('cooling')).toMatchObject({ counted: 1, retrains: 1 });
  });

  it('takes over what it is told to know from a predecessor only, not from whoever starts it', async () => {
    const handle = await workers.client.workflow.start('driftSteward', {
      workflowId: workflowIds.steward(model),
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ registeredModel: model }, 'rubbish'],
    });
    expect(await handle.query(stewardQuery)).toMatchObject({ phase: 'idle', counted: 0 });
  });

  it('refuses a wrong input with a reason', async () => {
    const handle = await workers.client.workflow.start('driftSteward', {
      workflowId: `wrong-${number}`,
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ model: 'x' }],
    });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'InvalidInput', message: expect.stringContaining('model: unknown field') },
    });
  });

  it('that is cancelled ends, and leaves the retrain running', async () => {
    const letGo = holdRetrains();
    await raise();
    const retrain = await underWay();
    await steward().cancel();
    await expect(steward().result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await details(steward())).toContain('goes on without it');
    letGo();
    expect(await retrain.result()).toMatchObject({ promotion: { promoted: true } });
  });
});

describe('nothing is lost', () => {
  it('over the restart of the worker, neither alerts nor the retrain under way', async () => {
    const letGo = holdRetrains();
    await raise({ key: 'a' });
    await phase('retraining');
    const { client } = workers;
    await workers.stop();
    workers = await startWorkers(server.address, dispatch);
    expect(client).not.toBe(workers.client);
    await raise({ key: 'a' });
    await raise({ key: 'b' });
    await reaches('told', ({ counted, duplicates }) => counted === 2 && duplicates === 1);
    letGo();
    await phase('cooling');
    expect(await retrains()).toHaveLength(1);
  });

  it('over continuing as new in the middle of a retrain, with senders that do not pause', async () => {
    const letGo = holdRetrains();
    await raise({ key: 'first' });
    const { current } = await phase('retraining');
    const runId = async () => (await steward().describe()).runId;
    const first = await runId();
    let sent = 0;
    let over = false;
    const senders = Array.from({ length: 10 }, async () => {
      while (!over) await raise({ key: `k${sent++}` });
    });
    await until(async () => (await runId()) !== first, { timeoutMs: 60_000, what: 'the steward to continue as new' });
    over = true;
    await Promise.all(senders);
    const told = await reaches('told of all', ({ counted }) => counted === sent + 1);
    expect(told.current).toEqual(current);
    expect(told.pending?.count).toBe(sent);
    await raise({ key: `k${sent - 1}` });
    await reaches('told of one that is known', ({ duplicates }) => duplicates === 1);
    letGo();
    await reaches('done', (now) => now.current === null);
    expect(await retrains()).toHaveLength(1);
  }, 120_000);
});

function startRetrain(input: Record<string, unknown> = {}): Promise<WorkflowHandle> {
  return workers.client.workflow
    .start('retrain', {
      workflowId: `retrain-by-hand-${number}`,
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ registeredModel: model, ...input }],
    })
    .then(async (handle) => {
      // Others find it by its search attribute, which the list shows a moment later.
      await until(async () => (await retrains()).length === 1, { timeoutMs: 20_000, what: 'the retrain to be listed' });
      return handle;
    });
}
