import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workflowIds } from '../../src/contracts/names.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';

let server: TestTemporal;
beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server?.stop());

const connect = async () => new Client({ connection: await Connection.connect({ address: server.address }) });

/** The alerts in each signal that the steward of a model was sent; there is no worker, so nothing takes them. */
async function signals(client: Client, model: string): Promise<Array<Array<{ key: string }>>> {
  const { events } = await client.workflow.getHandle(workflowIds.steward(model)).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const data = signal?.input?.payloads?.[0]?.data;
    return data ? [[JSON.parse(Buffer.from(data).toString())].flat()] : [];
  });
}

it('alerts that are raised at once are all in Temporal when they are acknowledged, in a few signals', async () => {
  const client = await connect();
  const keys = Array.from({ length: 250 }, (_, index) => `k${index}`);
  await Promise.all(keys.map((key) => raiseAlert(client, 'storm', { key })));
  const sent = await signals(client, 'storm');
  expect(sent.flat().map(({ key }) => key)).toEqual(keys);
  expect(sent.map(({ length }) => length)).toEqual([100, 100, 50]);
  await client.connection.close();
});

it('a storm without an end leaves pauses, in which the steward can continue as new', async () => {
  const client = await connect();
  const sender = async () => {
    for (let count = 0; count < 110; count += 1) await raiseAlert(client, 'endless', { key: `k${count}` });
  };
  await Promise.all([sender(), sender()]);
  const { events } = await client.workflow.getHandle(workflowIds.steward('endless')).fetchHistory();
  const times = (events ?? [])
    .filter((event) => event.workflowExecutionSignaledEventAttributes)
    .map(({ eventTime }) => Number(eventTime?.seconds) * 1000 + (eventTime?.nanos ?? 0) / 1e6);
  const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
  expect(Math.max(...gaps)).toBeGreaterThan(450);
  await client.connection.close();
});

it('alerts of different models do not wait for one another, and each reaches its own steward', async () => {
  const client = await connect();
  await Promise.all(['one', 'two'].map((model) => raiseAlert(client, model, { key: model })));
  for (const model of ['one', 'two']) expect(await signals(client, model)).toEqual([[{ key: model }]]);
  await client.connection.close();
});

it('whoever raised an alert that could not be sent is told so, and the next one is tried again', async () => {
  const client = await connect();
  await client.connection.close();
  const raised = await Promise.allSettled(['a', 'b', 'c'].map((key) => raiseAlert(client, 'closed', { key })));
  expect(raised.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await expect(raiseAlert(client, 'closed', { key: 'd' })).rejects.toThrow();
});
