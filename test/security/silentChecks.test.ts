import { expect, test } from 'vitest';
import { createStewardActivities } from '../../src/activities/orchestration.ts';
import { failure } from '../../src/contracts/errors.ts';
import type { Notification } from '../../src/contracts/notifications.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { createWorld, driftDocument } from '../support/world.ts';

const bench = useWorkflowBench();

test('people hear once a day of checks that fail, and of the third in a row that is skipped', async () => {
  const world = createWorld({}, { told: true });
  bench.world = world;
  const { earlierChecks } = createStewardActivities({ client: bench.client, searchable: () => true });
  world.override.earlierChecks = earlierChecks;
  const news = () =>
    world.calls.flatMap(({ name, input }) => (name === 'notify' ? [(input as unknown as Notification).event] : []));

  const ended = async () => {
    let count = 0;
    const query = 'WorkflowType = "driftCheck" AND ExecutionStatus != "Running"';
    for await (const _ of bench.client.workflow.list({ query })) count += 1;
    return count;
  };
  let checks = 0;
  /** Lets a check end as it will, and waits until Temporal's lists have it. */
  const check = async (report: () => Promise<unknown>) => {
    world.override.makeDriftReport = report as never;
    await (await bench.start('driftCheck', {})).result().catch(() => undefined);
    checks += 1;
    await until(async () => (await ended()) === checks, { timeoutMs: 20_000, what: 'the check in the lists' });
    return news();
  };
  const reporting = (rows: number) => async () => ({
    document: driftDocument({ current: { source: 'log', rows, from: null, to: null } }),
    htmlPath: null,
    jsonPath: null,
    url: null,
  });
  const skipped = reporting(1);
  const judged = reporting(500);
  const failed = async () => {
    throw failure('PredictionLogInvalid', 'The log cannot be read.');
  };

  expect(await check(failed)).toHaveLength(1);
  expect(await check(skipped)).toHaveLength(1);
  expect(await check(failed)).toHaveLength(1);
  expect(await check(judged)).toHaveLength(1);
  expect(await check(skipped)).toHaveLength(1);
  expect(await check(skipped)).toHaveLength(1);
  expect(await check(skipped)).toEqual(['driftUnknown', 'driftUnknown']);
  expect(await check(skipped)).toHaveLength(2);
  const [first] = world.calls
    .filter(({ name }) => name === 'notify')
    .map(({ input }) => input as unknown as Notification);
  expect(first).toMatchObject({ severity: 'warning', text: expect.stringContaining('The log cannot be read.') });
});

test('a check whose earlier ones cannot be looked up ends as it would', async () => {
  const world = createWorld({}, { told: true });
  bench.world = world;
  world.override.earlierChecks = async () => {
    throw failure('InvalidConfig', 'no lists');
  };
  const few = { source: 'log', rows: 1, from: null, to: null };
  const report = { document: driftDocument({ current: few }), htmlPath: null, jsonPath: null, url: null };
  world.override.makeDriftReport = async () => report;
  expect(await bench.run('driftCheck', {})).toMatchObject({ verdict: 'skipped' });
});
