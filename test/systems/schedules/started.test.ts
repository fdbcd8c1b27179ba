import { afterAll, beforeAll, expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../../src/contracts/savedQueries.ts';
import { Schedules } from '../../../src/contracts/schedules.ts';
import { reconcile } from '../../../src/systems/schedules/reconcile.ts';
import { until } from '../../support/until.ts';
import { createWorkflowBench, type WorkflowBench } from '../../support/workflowBench.ts';

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await createWorkflowBench();
});
afterAll(() => bench.close());

it('a workflow that a schedule starts is the real one, and its trigger reads "schedule"', async () => {
  const { client } = bench;
  const declared = { nightly: { workflow: 'retrain', cron: '0 2 * * *', input: { trials: 0, registryStage: 'None' } } };
  await reconcile(client, Schedules.parse(declared));
  const schedule = client.schedule.getHandle('nightly');
  await schedule.trigger();
  const what = 'the schedule to start its workflow';
  const started = await until(async () => (await schedule.describe()).info.recentActions[0], {
    timeoutMs: 20_000,
    what,
  });
  const handle = client.workflow.getHandle(started.action.workflow.workflowId);
  expect(await handle.result()).toMatchObject({ version: { version: '1' }, promotion: null });
  const { typedSearchAttributes, memo } = await handle.describe();
  expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.trigger)).toBe('schedule');
  expect(memo).toMatchObject({ trigger: 'schedule', schedule: 'nightly' });
  // The same client, which decodes inputs in its own way, finds nothing changed.
  expect(await reconcile(client, Schedules.parse(declared))).toMatchObject([{ outcome: 'kept' }]);
});
