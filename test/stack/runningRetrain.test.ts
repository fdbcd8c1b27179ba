import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/savedQueries.ts';
import { runningRetrain } from '../../src/stack/firstRetrain.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

let temporal: TestTemporal;
let client: Client;

beforeAll(async () => {
  temporal = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
});
afterAll(async () => {
  await client?.connection.close();
  await temporal?.stop();
});

// No worker serves this server: what is started has not begun.
const start = (workflowId: string, input: object, attributes: object = {}) =>
  client.workflow.start('retrain', { workflowId, taskQueue: TASK_QUEUES.orchestration, args: [input], ...attributes });

const found = (registeredModel: string) =>
  runningRetrain(
    loadConfig(
      { TEMPORAL_ADDRESS: temporal.address, MEDIWATCH_REGISTRY_REGISTERED_MODEL: registeredModel },
      PROJECT_ROOT,
    ),
  );

it('a retrain that runs is that of the model that is meant, and no other', async () => {
  await start('of-another', { registeredModel: 'Other' });
  await until(async () => (await found('Other')) === 'of-another', { timeoutMs: 20_000, what: 'the list' });
  expect(await found('Ours')).toBeUndefined();
  await start('ours', { registeredModel: 'Ours' });
  await until(async () => (await found('Ours')) === 'ours', { timeoutMs: 20_000, what: 'the list' });
  expect(await found('Other')).toBe('of-another');
});

it('one that does not name a model is that of the settings; one that has begun tells its own', async () => {
  const connection = await NativeConnection.connect({ address: temporal.address });
  await ensureSearchAttributes(connection, 'default');
  await connection.close();
  const told = { typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.model, value: 'Told' }] };
  await until(() => start('told', {}, told).then(Boolean, () => false), { timeoutMs: 20_000, what: 'the attribute' });
  await until(async () => (await found('Told')) === 'told', { timeoutMs: 20_000, what: 'the list' });
  expect(await found('Unnamed')).toBeUndefined();
  await start('unnamed', {});
  await until(async () => (await found('Unnamed')) === 'unnamed', { timeoutMs: 20_000, what: 'the list' });
});
