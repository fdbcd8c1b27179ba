import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporal } from '../support/temporal.ts';
import { quiet, startWorkers, type TestWorkers } from '../support/workers.ts';
import { createWorld, type World } from '../support/world.ts';
import { mediwatch } from './support.ts';

// The real workflows with replaced activities: what the command shows is what they tell.
let temporal: Awaited<ReturnType<typeof startTemporal>>;
let workers: TestWorkers;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  quiet();
  temporal = await startTemporal();
  world = createWorld();
  workers = await startWorkers(temporal.address, world.activities());
  env = { TEMPORAL_ADDRESS: temporal.address };
}, 120_000);
afterAll(async () => {
  await workers.stop();
  await temporal.stop();
});

it('a retrain is followed from its first stage to the API that serves its version', async () => {
  const { code, out } = await mediwatch(['retrain', '--trials', '4', '--follow'], { env });
  expect([code, out]).toEqual([0, expect.stringContaining('MediWatchReadmit version 1, test AUC 0.6800.')]);
  const stages = ['Prepare data', 'Search hyperparameters', 'Train and register', 'Promote', 'Redeploy'];
  const ends = stages.map((stage) => out.indexOf(`${stage} done after`));
  expect(ends).toEqual([...ends].sort((a, b) => a - b));
  expect(Math.min(...ends)).toBeGreaterThan(0);
  expect(out).toContain('trials 4/4');
  expect(out).toMatch(/Version 1 is in Production\./);
  expect(out).toMatch(/Version 1 answers at http/);
});

it('a version that does not exist is refused in the words of the workflow', async () => {
  const { code, err } = await mediwatch(['promote', '77'], { env });
  expect(code).toBe(1);
  expect(err.match(/There is no version 77\. "mediwatch status" lists/g)).toHaveLength(1);
  expect(err).toMatch(/^promote failed after/m);
});
