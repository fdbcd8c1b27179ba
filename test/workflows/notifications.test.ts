import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { whileHeartbeating } from '../../src/activities/lib/step.ts';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import type { Notification } from '../../src/contracts/notifications.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { failureOf } from '../support/workflowBench.ts';
import { createWorld, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '0' }, { told: true });
});

const told = () =>
  world.calls.flatMap(({ name, input }) => (name === 'notify' ? [input as unknown as Notification] : []));
const events = () => told().map(({ event, severity }) => `${event} ${severity}`);
const retrain = async (input = {}) => (await bench.run('retrain', input)) as RetrainResult;
const unhealthy = async () => {
  throw failure('CandidateUnhealthy', 'The candidate does not answer.');
};

describe('people are told', () => {
  it('of a retrain and its promotion, each with the workflow that did it', async () => {
    await retrain();
    expect(events().toSorted()).toEqual(['promoted info', 'retrainFinished info']);
    const [promotion, run] = told().toSorted((a, b) => a.event.localeCompare(b.event));
    expect(promotion?.text).toContain('It answers at');
    expect(run).toMatchObject({
      registeredModel: 'MediWatchReadmit',
      title: 'A retrain of MediWatchReadmit made version 1, which is in Production',
      links: [
        { name: 'Workflow', url: expect.stringContaining(`/workflows/${run?.workflowId}`) },
        { name: 'Model report', url: expect.stringContaining('/report/1') },
      ],
    });
    expect(promotion?.id).not.toBe(run?.id);
  });

  it('of a promotion that the gate refuses', async () => {
    await retrain();
    world.calls.length = 0;
    await retrain({ policy: 'never' });
    expect(events().toSorted()).toEqual(['promotionRefused warning', 'retrainFinished info']);
    expect(told().find(({ event }) => event === 'retrainFinished')?.title).toContain(
      'made version 2, which was not promoted',
    );
  });

  it('of a retrain that failed, and why', async () => {
    world.override.trainModel = async () => {
      throw failure('DataInvalid', 'The column readmitted is missing.');
    };
    await bench.refusal('retrain');
    expect(events()).toEqual(['retrainFailed warning']);
    expect(told()[0]?.text).toContain('The column readmitted is missing.');
  });

  it('of a failed retrain by the steward that started it, not twice', async () => {
    world.override.trainModel = async () => {
      throw failure('DataInvalid', 'The column readmitted is missing.');
    };
    const memo = { trigger: 'drift alert', report: null, alerts: 3 };
    const options = { workflowId: 'retrain-drift', taskQueue: TASK_QUEUES.orchestration, args: [], memo };
    await failureOf(await bench.client.workflow.start('retrain', options));
    expect(events()).toEqual([]);
  });

  it('of a promotion whose version cannot be deployed once, when the registry has been put back', async () => {
    await retrain();
    world.calls.length = 0;
    world.override.bringUpCandidate = unhealthy;
    world.versions.push({ version: '2', stage: 'None', tags: {}, auc: 0.7 });
    await bench.refusal('promote', { version: '2' });
    expect(events()).toEqual(['deploymentFailed critical']);
    expect(told()[0]?.text).toContain('The registry was put back as it was.');
    const order = world.calls.map(({ name }) => name);
    expect(order.indexOf('restoreRegistry')).toBeLessThan(order.indexOf('notify'));
  });

  it('of a redeployment that failed by itself', async () => {
    await retrain();
    world.calls.length = 0;
    world.override.bringUpCandidate = unhealthy;
    await bench.refusal('redeploy');
    expect(events()).toEqual(['deploymentFailed critical']);
  });

  it('of a rollback, by whom and why', async () => {
    await retrain();
    await retrain({ policy: 'always' });
    world.calls.length = 0;
    await bench.run('rollback', { by: 'kim', reason: 'ward 7' });
    expect(events()).toEqual(['rolledBack warning']);
    expect(told()[0]).toMatchObject({ title: 'MediWatchReadmit was rolled back to version 1' });
    expect(told()[0]?.text).toContain('By kim: ward 7');
  });

  it('of a decision that is waited for, how to give it, and what came of it', async () => {
    const handle = await bench.start('retrain', { approval: true });
    const wanted = await until(() => told()[0], { timeoutMs: 30_000, what: 'a notification' });
    expect(events()).toEqual(['approvalNeeded warning']);
    expect(wanted.text).toContain(`mediwatch approve ${wanted.workflowId}`);
    const decision = { decision: 'reject', by: 'kim', reason: 'not on a Friday' } as const;
    await bench.client.workflow.getHandle(wanted.workflowId).executeUpdate(decidePromotion, { args: [decision] });
    expect(await failureOf(handle)).toMatchObject({ type: 'ApprovalRejected' });
    expect(events()).toEqual(['approvalNeeded warning', 'promotionRefused warning']);
    expect(told()[1]?.text).toContain('not on a Friday');
  });

  it('nothing of a run that somebody cancelled', async () => {
    world.override.trainModel = () => whileHeartbeating(() => Context.current().cancelled);
    const handle = await bench.start('retrain');
    await until(() => world.count('trainModel') > 0, { timeoutMs: 30_000, what: 'the training' });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(events()).toEqual([]);
  });
});

it('without targets no activity is spent on it', async () => {
  world = bench.world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '0' });
  await retrain();
  expect(world.count('notify')).toBe(0);
});

describe('a run ends the same', () => {
  const hanging = Promise.withResolvers<unknown>();
  // A worker does not stop before its activities have ended.
  afterAll(() => hanging.resolve([]));

  const outcome = ({ promotion, deployment }: RetrainResult) => [promotion?.promoted, deployment?.version];

  it.each<[string, () => Promise<never>]>([
    ['fails', () => Promise.reject(ApplicationFailure.nonRetryable('no network'))],
    ['hangs', () => hanging.promise as Promise<never>],
  ])('when telling %s', async (_how, notify) => {
    world.override.notify = notify;
    const result = await retrain();
    expect(outcome(result)).toEqual([true, '1']);
    world.override.bringUpCandidate = unhealthy;
    expect(await bench.refusal('redeploy')).toMatchObject({ type: 'CandidateUnhealthy' });
    expect(world.serving?.version).toBe('1');
  });
});
