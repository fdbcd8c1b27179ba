import { Client, Connection } from '@temporalio/client';
import type { SearchAttributePair } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  SAVED_QUERIES,
  type SavedQuery,
  type SavedQueryName,
  SEARCH_ATTRIBUTES,
} from '../../src/contracts/savedQueries.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet } from '../support/workers.ts';
import { mediwatch, NOWHERE, startFakes } from './support.ts';

const MODEL = 'Readmission (30 days)';
const { model, stage, trigger, waiting, testAuc, driftShare } = SEARCH_ATTRIBUTES;
let temporal: TestTemporal;
let fakes: Awaited<ReturnType<typeof startFakes>>;
let client: Client;
let env: Record<string, string>;

beforeAll(async () => {
  quiet();
  temporal = await startTemporal();
  const native = await NativeConnection.connect({ address: temporal.address });
  await ensureSearchAttributes(native, 'default');
  await native.close();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  fakes = await startFakes(temporal.address);
  env = { TEMPORAL_ADDRESS: temporal.address, MEDIWATCH_TEMPORAL_UI_URL: temporal.uiUrl };
}, 60_000);
afterAll(async () => {
  await fakes.stop();
  await client.connection.close();
  await temporal.stop();
});

const pair = (key: unknown, value: unknown) => ({ key, value }) as SearchAttributePair;

async function start(type: string, workflowId: string, attributes: SearchAttributePair[], does = 'finish') {
  const input = type === 'modelLock' ? { registeredModel: MODEL, queue: [] } : { trigger: does };
  return await client.workflow.start(type, {
    ...{ taskQueue: 'mediwatch', workflowId, args: [input], typedSearchAttributes: attributes },
  });
}

async function found(id: SavedQueryName): Promise<string[]> {
  const aDayAgo = new Date(Date.now() - 86_400_000).toISOString();
  const filter = (SAVED_QUERIES[id] as SavedQuery).filter({
    ...{ registeredModel: MODEL, aDayAgo, testAuc: 0.65, driftShare: 0.3 },
  });
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: filter })) ids.push(workflowId);
  return ids.sort();
}

describe('a saved query', () => {
  beforeAll(async () => {
    await start('retrain', 'good', [pair(testAuc, 0.7), pair(stage, 'Production'), pair(trigger, 'manual')]);
    await start('retrain', 'poor', [pair(testAuc, 0.61), pair(model, MODEL), pair(trigger, 'drift alert')]);
    await start('retrain', 'broken', [pair(trigger, 'schedule')], 'fail');
    await start('retrain', 'goes-on', [pair(model, 'Another'), pair(stage, 'Production')], 'wait');
    // Nobody serves these here, so they stay as they are begun.
    await start('rebuild', 'asks', [pair(waiting, 'approval')]);
    await start('rebuild', 'queues', [pair(waiting, 'lock')]);
    await start('driftCheck', 'drifted', [pair(driftShare, 0.4), pair(model, MODEL)]);
    await start('driftCheck', 'calm', [pair(driftShare, 0.1)]);
    await start('driftSteward', 'driftSteward/x', [pair(model, MODEL)]);
    await start('modelLock', 'modelLock/x', []);
    await (await start('retrain', 'stopped', [], 'wait')).terminate();
    const schedule = await client.schedule.create({
      scheduleId: 'nightly',
      spec: {},
      action: { type: 'startWorkflow', workflowType: 'retrain', taskQueue: 'mediwatch', workflowId: 'by-schedule' },
    });
    await schedule.trigger();
    const isListed = async (id: SavedQueryName, count: number) =>
      await until(async () => (await found(id)).length === count, { timeoutMs: 30_000, what: `${id} in the list` });
    await Promise.all([isListed('failed', 2), isListed('promoted', 1), isListed('scheduled', 1)]);
  }, 90_000);

  const services = ['driftSteward/x', 'modelLock/x'];
  it.each<[SavedQueryName, string[]]>([
    ['approval', ['asks']],
    ['lock', ['queues']],
    ['failed', ['broken', 'stopped']],
    ['drift', ['poor']],
    ['promoted', ['good']],
    ['low-auc', ['poor']],
    ['high-drift', ['drifted']],
    ['model', ['driftSteward/x', 'drifted', 'poor']],
    ['services', services],
  ])('%s finds what it should', async (id, ids) => expect(await found(id)).toEqual(ids));

  it('finds what runs, what was started by a schedule, and no stages', async () => {
    const [scheduled] = await found('scheduled');
    expect(scheduled).toMatch(/^by-schedule-/);
    const running = await found('running');
    expect(running).toEqual(expect.arrayContaining(['asks', 'goes-on', 'queues']));
    for (const id of ['good', 'broken', ...services]) expect(running).not.toContain(id);
    const starts = await found('starts');
    expect(starts).toEqual(expect.arrayContaining(['good', 'goes-on', 'broken', scheduled]));
    // The fakes run their stages as children, as the real ones do.
    for (const id of [...running, ...starts]) expect(id).not.toMatch(/\/(promote|redeploy)$/);
  });

  it('has a name and a filter of its own, and needs no attribute that is not ours', () => {
    const all = Object.values<SavedQuery>(SAVED_QUERIES);
    const filters = all.map(({ filter }) => filter({ registeredModel: 'M', aDayAgo: 'T', testAuc: 0, driftShare: 0 }));
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(new Set(filters).size).toBe(all.length);
    // So many views the UI keeps.
    expect(all.length).toBeLessThanOrEqual(20);
  });

  it('is listed with its link and what it finds now', async () => {
    const flags = ['--registered-model', MODEL, '--auc', '0.65', '--share', '0.3'];
    const { code, out } = await mediwatch(['queries', '--json', ...flags], { env });
    const { queries, problem } = JSON.parse(out);
    expect([code, problem]).toEqual([0, null]);
    const told = Object.fromEntries(queries.map(({ id, count }: { id: string; count: number }) => [id, count]));
    expect(told).toMatchObject({ approval: 1, lock: 1, failed: 2, drift: 1, 'low-auc': 1, 'high-drift': 1, model: 3 });
    for (const { url, saveUrl, filter, name } of queries) {
      const page = new URL(url);
      expect(`${page.origin}${page.pathname}`).toBe(`${temporal.uiUrl}/namespaces/default/workflows`);
      expect(page.searchParams.get('query')).toBe(filter);
      expect(new URL(saveUrl).searchParams.get('savedQuery')).toBe(name);
      // They are pasted into Markdown too.
      expect(url).not.toMatch(/[()\s"']/);
    }
    const { out: text } = await mediwatch(['queries', '--save', ...flags], { env });
    expect(text).toMatch(/^Waiting for approval {2}1 now$/m);
    expect(text).toContain('&savedQuery=Waiting%20for%20approval');
  });

  it('is listed without Temporal too', async () => {
    const away = { ...env, TEMPORAL_ADDRESS: NOWHERE };
    const { code, out } = await mediwatch(['queries'], { env: away });
    expect(code).toBe(0);
    expect(out).toMatch(/^Waiting for approval$/m);
    expect(out).toContain(`Temporal does not answer at ${NOWHERE}`);
    expect((await mediwatch(['queries', '--auc', '65'], { env: away })).code).toBe(2);
  });
});
