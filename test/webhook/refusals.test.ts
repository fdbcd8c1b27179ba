import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhook, type WebhookOptions } from '../../src/webhook/server.ts';
import type { Webhook } from '../../src/webhook/webhook.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { post, SECRET, type Sent, startWebhook, watchSteward, webhookConfig } from './support.ts';

const MODEL = 'Refusing';
const NOWHERE = '127.0.0.1:1';
const now = () => Math.floor(Date.now() / 1_000);

let dir: string;
let temporal: TestTemporal;
let webhook: Webhook;
let steward: Awaited<ReturnType<typeof watchSteward>>;

const settings = { MEDIWATCH_REGISTRY_REGISTERED_MODEL: MODEL, MEDIWATCH_WEBHOOK_MAX_BODY_KB: '4' };

beforeAll(async () => {
  [dir, temporal] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-webhook-')), startTemporal()]);
  webhook = await startWebhook(webhookConfig(temporal.address, dir, { ...settings, MEDIWATCH_WEBHOOK_TOKEN: 'token' }));
  steward = await watchSteward(temporal.address, MODEL);
});
afterAll(async () => {
  await Promise.all([webhook?.close(), steward?.close()]);
  await temporal?.stop();
  await rm(dir, { recursive: true, force: true });
});

const alert = { reason: 'ages differ' };
const cases: Array<[what: string, status: number, body: unknown, sent: Sent]> = [
  ['a wrong signature', 401, alert, { secret: 'guessed' }],
  ['a signature of something else', 401, alert, { headers: { 'x-mediwatch-signature': 'sha256=00' } }],
  ['no signature', 401, alert, { headers: { 'x-mediwatch-signature': '' } }],
  ['a time stamp that is none', 401, alert, { timestamp: 'yesterday' }],
  ['a time stamp of ten minutes ago', 401, alert, { timestamp: now() - 600 }],
  ['a time stamp of the future', 401, alert, { timestamp: now() + 600 }],
  ['a wrong token', 401, alert, { headers: { authorization: 'Bearer guessed' } }],
  ['a body that is too large', 413, { reason: 'x'.repeat(8_000) }, {}],
  ['a body that is not JSON', 400, '{"reason": ', {}],
  ['no body', 400, '', {}],
  ['JSON that is no object', 400, ['drift'], {}],
  ['a field that is none of an alert', 400, { reason: 'drift', modell: 'x' }, {}],
  ['a field of a wrong kind', 400, { share: 2 }, {}],
  ["Alertmanager's message of another version", 400, { version: '3', alerts: [] }, {}],
  ["Alertmanager's message that is broken", 400, { version: '4', alerts: [{ status: 'firing' }] }, {}],
  ['a report of a shape that nobody knows', 400, { metrics: [{ metric: 'DataDriftPreset' }] }, {}],
  ['a body that is not said to be JSON', 415, alert, { headers: { 'content-type': 'text/plain' } }],
  ['an unknown model', 404, alert, { path: '/alerts/Nobody' }],
  ['an unknown path', 404, alert, { path: '/alert' }],
  ['another method', 405, '', { method: 'GET' }],
];

describe('refused, with what is wrong and what to do next, and nothing is started:', () => {
  it.each(cases)('%s', async (_what, status, body, sent) => {
    const answer = await post(webhook.url, body, sent);
    expect(answer).toMatchObject({
      status,
      body: { error: expect.stringMatching(/\w/), next: expect.stringMatching(/\w/) },
    });
    expect(await steward.alerts()).toBeUndefined();
  });

  it('405 says which methods are answered', async () => {
    expect((await post(webhook.url, '', { method: 'GET' })).headers.get('allow')).toBe('POST');
  });

  it('no token is a token when none is set', async () => {
    const other = await startWebhook(webhookConfig(temporal.address, dir, settings));
    const headers = { authorization: 'Bearer ', 'x-mediwatch-signature': '' };
    expect((await post(other.url, alert, { headers })).status).toBe(401);
    expect((await post(other.url, alert, { headers: { authorization: 'Bearer undefined' } })).status).toBe(401);
    expect(await steward.alerts()).toBeUndefined();
    await other.close();
  });
});

describe('when Temporal does not answer', () => {
  it('503 says when to try again, and the same request is no replay then', async () => {
    const other = await startWebhook(webhookConfig(NOWHERE, dir, settings));
    const sent = { timestamp: now() };
    for (const _ of [1, 2]) {
      const answer = await post(other.url, alert, sent);
      expect(answer).toMatchObject({ status: 503, body: { error: expect.stringContaining('Temporal') } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await other.close();
  });

  it('a request that is sent again while the first is under way fails with it, and may be sent once more', async () => {
    const { promise: away, reject: goAway } = Promise.withResolvers<string>();
    let raised = 0;
    const app = webhookThat({ raise: () => (++raised === 1 ? away : Promise.resolve('steward')) });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const sent = { timestamp: now() };
    const first = post(url, alert, sent);
    await until(() => raised > 0, { timeoutMs: 5_000, what: 'the first to be under way' });
    const again = post(url, alert, sent);
    const early = await Promise.race([again, delay(100)]);
    goAway(new Error('Temporal is away'));
    expect(early).toBeUndefined();
    for (const answer of [await first, await again]) {
      expect(answer).toMatchObject({ status: 503, body: { error: expect.stringContaining('Temporal') } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect([(await post(url, alert, sent)).status, (await post(url, alert, sent)).status]).toEqual([202, 409]);
    expect(raised).toBe(2);
    await app.close();
  });
});

function webhookThat(options: Partial<WebhookOptions>) {
  return createWebhook({
    credentials: { secret: SECRET, token: '', toleranceMs: 300_000 },
    models: [MODEL],
    bodyLimit: 4_096,
    reports: { read: () => Promise.reject(new Error('no report')), judge: () => expect.fail() },
    raise: () => expect.fail(),
    log: pino({ level: 'silent' }),
    ...options,
  });
}

describe('a sender that is slow', () => {
  it('is cut off, and others are answered meanwhile', async () => {
    const app = webhookThat({ requestTimeoutMs: 300 });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n');
    let heard = '';
    socket.on('data', (text) => {
      heard += text;
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await closed;
    expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    await app.close();
  });
});
