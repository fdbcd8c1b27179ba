import { setTimeout as delay } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { createDeploymentActivities } from '../../src/activities/deployment.ts';
import { loadConfig } from '../../src/config.ts';
import type { DeploymentTarget } from '../../src/systems/deployment/target.ts';

const config = loadConfig({ MEDIWATCH_DEPLOYMENT_DRAIN: '3' }, '/nowhere');

const activitiesOf = (target: Partial<DeploymentTarget>) =>
  createDeploymentActivities({ of: () => ({ config, target }) as never, shipper: {} as never });

type Activities = ReturnType<typeof activitiesOf>;

/** A target that takes its time, as one does that pushes an image to a slow registry. */
const slow: Partial<DeploymentTarget> = {
  serving: () => delay(1_500, null),
  shift: () => delay(1_500, { previous: null }),
  traffic: () => delay(1_500, []),
  idle: () => delay(1_500, []),
};

it.each([
  ['shiftTraffic', { key: 'one', share: 1 }],
  ['serving', {}],
  ['traffic', {}],
  ['idle', {}],
] as const)('%s sends heartbeats for as long as it takes', async (name, input) => {
  const environment = new MockActivityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => beats++);
  await environment.run(activitiesOf(slow)[name] as (input: unknown) => Promise<unknown>, input);
  expect(beats).toBeGreaterThan(1);
});

it('a shift that is cancelled gives up what it still has to do', async () => {
  const environment = new MockActivityEnvironment();
  const shift: DeploymentTarget['shift'] = async (_key, _share, signal) => {
    environment.cancel('CANCELLED');
    await delay(60_000, undefined, { signal });
    return { previous: null };
  };
  const { shiftTraffic } = activitiesOf({ shift });
  const shifted = environment.run(shiftTraffic as Activities['shiftTraffic'], { key: 'one', share: 1 });
  await expect(shifted).rejects.toMatchObject({ name: 'AbortError' });
}, 10_000);

it.each([
  [{ key: 'one' }, { drainMs: 3_000, force: false }],
  [
    { key: 'one', force: true },
    { drainMs: 3_000, force: true },
  ],
])('stopIdle of %o stops it with %o', async (request, expected) => {
  const stopped: unknown[] = [];
  const { stopIdle } = activitiesOf({ stop: async (key, options) => void stopped.push(key, options) });
  await new MockActivityEnvironment().run(stopIdle, request);
  expect(stopped).toEqual(['one', expected]);
});
