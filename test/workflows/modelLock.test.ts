import { type WorkflowHandle, WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LockRequest } from '../../src/contracts/lock.ts';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet, startWorkers, type TestWorkers } from '../support/workers.ts';
import { createWorld } from '../support/world.ts';

let server: TestTemporal;
let workers: TestWorkers;
const MODELS = ['fair', 'busy', 'free', 'holder-terminated', 'holder-cancelled', 'waiter', 'idle', 'never'];
const world = createWorld({}, { models: MODELS });
/** Redeploys that are inside the lock at this moment, by version; each waits until it is let go. */
const inside = new Map<string, () => void>();
let most = 0;
const order: string[] = [];

beforeAll(async () => {
  quiet();
  server = await startTemporal();
  world.override.bringUpCandidate = async ({ version }) => {
    order.push(version);
    await new Promise<void>((resolve) => {
      inside.set(version, resolve);
      most = Math.max(most, inside.size);
    });
    return [];
  };
  workers = await startWorkers(server.address, world.activities());
});
afterAll(async () => {
  for (const letGo of inside.values()) letGo();
  await workers?.stop();
  await server?.stop();
});

const redeploy = (version: string, registeredModel: string) =>
  workers.client.workflow.start('redeploy', {
    workflowId: `redeploy-${registeredModel}-${version}`,
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ version, registeredModel }],
  });
const entered = (version: string) =>
  until(() => inside.has(version), { timeoutMs: 20_000, what: `version ${version} to hold the lock` });
const letGo = (version: string) => {
  inside.get(version)?.();
  inside.delete(version);
};
const queueOf = (registeredModel: string) =>
  workers.client.workflow
    .getHandle(workflowIds.lock(registeredModel))
    .query<LockRequest[]>('lockQueue')
    .catch(() => []);
const waiting = (registeredModel: string, length: number) =>
  until(async () => (await queueOf(registeredModel)).length === length, {
    timeoutMs: 20_000,
    what: `${length} in the queue of ${registeredModel}`,
  });
/** Starts them one after the other, so that their order of arrival is known. */
async function queueUp(registeredModel: string, versions: string[]): Promise<WorkflowHandle[]> {
  const handles = [];
  for (const [index, version] of versions.entries()) {
    handles.push(await redeploy(version, registeredModel));
    await waiting(registeredModel, index + 1);
  }
  return handles;
}

describe('the lock of a model', () => {
  it('lets one in at a time, in order of arrival', async () => {
    order.length = 0;
    most = 0;
    const handles = await queueUp('fair', ['1', '2', '3']);
    for (const version of ['1', '2', '3']) {
      await entered(version);
      letGo(version);
    }
    await Promise.all(handles.map((handle) => handle.result()));
    expect(order).toEqual(['1', '2', '3']);
    expect(most).toBe(1);
  });

  it('does not hold up another model', async () => {
    const [one] = await queueUp('busy', ['11']);
    const [other] = await queueUp('free', ['12']);
    await entered('11');
    await entered('12');
    letGo('12');
    await other?.result();
    letGo('11');
    await one?.result();
  });

  it.each([
    ['terminated', (holder: WorkflowHandle) => holder.terminate('by the test')],
    ['cancelled', (holder: WorkflowHandle) => holder.cancel()],
  ])('is free again at once when its holder is %s', async (how, end) => {
    const versions = how === 'terminated' ? ['21', '22'] : ['23', '24'];
    const [first, second] = await queueUp(`holder-${how}`, versions);
    await entered(versions[0] as string);
    await end(first as WorkflowHandle);
    if (how === 'cancelled') letGo(versions[0] as string);
    await entered(versions[1] as string);
    letGo(versions[1] as string);
    await second?.result();
  });

  it('passes over one that ended while it waited', async () => {
    const [first, second, third] = await queueUp('waiter', ['31', '32', '33']);
    await entered('31');
    await second?.terminate('by the test');
    letGo('31');
    await entered('33');
    letGo('33');
    await Promise.all([first?.result(), third?.result()]);
    expect(order).not.toContain('32');
  });

  it('ends when nobody wants it', async () => {
    const [only] = await queueUp('idle', ['41']);
    await entered('41');
    letGo('41');
    await only?.result();
    await until(
      async () => {
        const { status } = await workers.client.workflow.getHandle(workflowIds.lock('idle')).describe();
        return status.name === 'COMPLETED';
      },
      { timeoutMs: 20_000, what: 'the lock to end' },
    );
  });

  it('is not there for a model that was never locked', async () => {
    await expect(workers.client.workflow.getHandle(workflowIds.lock('never')).describe()).rejects.toThrow(
      WorkflowNotFoundError,
    );
  });
});
