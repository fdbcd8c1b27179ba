import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DriftDocument } from '../../src/contracts/drift.ts';
import type { Webhook } from '../../src/webhook/webhook.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { post, startWebhook, watchSteward, webhookConfig } from './support.ts';

let dir: string;
let temporal: TestTemporal;
let model: string;
let webhook: Webhook;
let steward: Awaited<ReturnType<typeof watchSteward>>;
let number = 0;

beforeAll(async () => {
  [dir, temporal] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-webhook-')), startTemporal()]);
});
afterAll(async () => {
  await temporal?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Every test has a model of its own, and so a steward of its own. */
beforeEach(async () => {
  model = `Model${++number}`;
  steward = await watchSteward(temporal.address, model);
  await open();
});
afterEach(() => Promise.all([webhook.close(), steward.close()]));

async function open(): Promise<void> {
  const settings = { MEDIWATCH_REGISTRY_REGISTERED_MODEL: model, MEDIWATCH_WEBHOOK_TOKEN: 'for Alertmanager' };
  webhook = await startWebhook(webhookConfig(temporal.address, dir, settings));
}

function document(datasetDrift: boolean | null, rows = 100): DriftDocument {
  const window = { source: 'predictions.csv', rows, from: null, to: null };
  return {
    schema: 'mediwatch.drift/1',
    key: 'a'.repeat(64),
    createdAt: null,
    tool: 'evidently 0.7',
    current: window,
    reference: window,
    minRows: 50,
    columns: [{ name: 'age', role: 'feature', method: 'psi', score: 0.4, threshold: 0.1, drifted: datasetDrift }],
    driftedColumns: datasetDrift === null ? null : Number(datasetDrift),
    share: datasetDrift === null ? null : Number(datasetDrift),
    shareThreshold: 0.5,
    datasetDrift,
  };
}

describe('an alert', () => {
  it('starts the steward of the model, and says which', async () => {
    const alert = { key: 'night-1', reason: 'ages differ', source: 'my monitor', report: 'http://r/1', share: 0.6 };
    expect(await post(webhook.url, alert)).toMatchObject({
      status: 202,
      body: { accepted: 1, model, keys: ['night-1'], steward: `driftSteward/${model}` },
    });
    expect(await steward.alerts()).toEqual([{ ...alert, sender: 'webhook.secret from 127.0.0.1' }]);
  });

  it('of a named model, and one that says nothing, are alerts too', async () => {
    expect((await post(webhook.url, {}, { path: `/alerts/${model}` })).status).toBe(202);
    expect(await steward.alerts()).toMatchObject([{ source: 'webhook', key: expect.stringMatching(/^body\//) }]);
  });

  it('that is delivered twice has one key, and another one another', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const first = await post(webhook.url, { reason: 'ages differ' }, { timestamp: now });
    const again = await post(webhook.url, { reason: 'ages differ' }, { timestamp: now - 1 });
    const other = await post(webhook.url, { reason: 'ages differ more' });
    expect([first.status, again.status, other.status]).toEqual([202, 202, 202]);
    expect(again.body.keys).toEqual(first.body.keys);
    expect(other.body.keys).not.toEqual(first.body.keys);
  });

  it('that is replayed is refused, and reaches the steward once', async () => {
    const sent = { timestamp: Math.floor(Date.now() / 1_000) };
    const answers = await Promise.all([1, 2, 3].map(() => post(webhook.url, { reason: 'x' }, sent)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409]);
    expect(await steward.alerts()).toHaveLength(1);
  });

  it('that is replayed after a restart is refused too', async () => {
    const sent = { timestamp: Math.floor(Date.now() / 1_000) };
    expect((await post(webhook.url, { reason: 'before a restart' }, sent)).status).toBe(202);
    await webhook.close();
    await open();
    expect((await post(webhook.url, { reason: 'before a restart' }, sent)).status).toBe(409);
    expect(await steward.alerts()).toHaveLength(1);
  });
});

describe("Alertmanager's message", () => {
  const one = (fingerprint: string, status: 'firing' | 'resolved') => ({
    status,
    labels: { alertname: 'PredictionDrift', severity: 'warning' },
    annotations: { summary: `drift ${fingerprint}` },
    startsAt: '2026-11-24T02:00:00.123456789Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: `http://prometheus/graph?${fingerprint}`,
    fingerprint,
  });
  const message = (...alerts: object[]) => ({
    version: '4',
    groupKey: '{}:{alertname="PredictionDrift"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'mediwatch',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager',
    alerts,
  });
  const headers = { authorization: 'Bearer for Alertmanager', 'x-mediwatch-signature': '' };

  it('raises each that fires, with a key that stays the same, and says what it ignored', async () => {
    const body = message(one('aa', 'firing'), one('bb', 'firing'), one('cc', 'resolved'));
    const [first, again] = [await post(webhook.url, body, { headers }), await post(webhook.url, body, { headers })];
    expect(first).toMatchObject({ status: 202, body: { accepted: 2, note: expect.stringContaining('1 resolved') } });
    expect(again.body.keys).toEqual(first.body.keys);
    expect(new Set(first.body.keys).size).toBe(2);
    expect(
      (await steward.alerts())
        ?.slice(0, 2)
        .map(({ reason }) => reason)
        .toSorted(),
    ).toEqual(['drift aa', 'drift bb']);
    expect((await steward.alerts())?.[0]).toMatchObject({
      source: 'alertmanager',
      report: expect.stringContaining('http://prometheus/graph'),
    });
  });

  it('of which none fires raises nothing', async () => {
    expect(await post(webhook.url, message(one('aa', 'resolved')), { headers })).toMatchObject({
      status: 200,
      body: { accepted: 0, steward: null, note: expect.stringContaining('1 resolved') },
    });
    expect(await steward.alerts()).toBeUndefined();
  });
});

describe('a drift report', () => {
  it('that is drift by the gate raises an alert with its key, once however often it is handed in', async () => {
    const answer = await post(webhook.url, document(true));
    expect(answer).toMatchObject({ status: 202, body: { verdict: { verdict: 'drift', columns: ['age'] } } });
    expect(answer.body.keys).toEqual([`report/${'a'.repeat(64)}`]);
    expect(await steward.alerts()).toMatchObject([
      { share: 1, reason: expect.stringContaining('the data set drifted') },
    ]);
  });

  it.each([
    ['is no drift', document(false), 'no drift'],
    ['has too few rows', document(true, 37), 'skipped'],
  ])('that %s raises nothing', async (_what, body, verdict) => {
    expect(await post(webhook.url, body)).toMatchObject({ status: 200, body: { verdict: { verdict } } });
    expect(await steward.alerts()).toBeUndefined();
  });

  it('that the gate cannot judge is refused, and is never no drift', async () => {
    expect(await post(webhook.url, document(null))).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining('cannot tell') },
    });
    expect(await steward.alerts()).toBeUndefined();
  });

  it('of Evidently, with NaN in it as Evidently writes it, is understood', async () => {
    const evidently = `{"metrics": [
      {"id": "1", "metric_name": "DriftedColumnsCount(drift_share=0.5)", "config": {"drift_share": 0.5},
       "value": {"count": 1.0, "share": 1.0}},
      {"id": "2", "metric_name": "ValueDrift(column=age,method=psi,threshold=0.1)",
       "config": {"column": "age", "method": "psi", "threshold": 0.1}, "value": 0.4},
      {"id": "3", "metric_name": "ValueDrift(column=weight,method=psi,threshold=0.1)",
       "config": {"column": "weight", "method": "psi", "threshold": 0.1}, "value": NaN}], "tests": []}`;
    expect(await post(webhook.url, evidently)).toMatchObject({ status: 202, body: { verdict: { verdict: 'drift' } } });
    expect(await steward.alerts()).toHaveLength(1);
  });
});
