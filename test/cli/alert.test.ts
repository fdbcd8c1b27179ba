import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Webhook } from '../../src/webhook/webhook.ts';
import { evidently04, evidently07 } from '../support/driftReports.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { SECRET, startWebhook, watchSteward, webhookConfig } from '../webhook/support.ts';
import { NOWHERE, spawnMediwatch } from './support.ts';

let dir: string;
let temporal: TestTemporal;
let model: string;
let steward: Awaited<ReturnType<typeof watchSteward>>;
let number = 0;

beforeAll(async () => {
  [dir, temporal] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-alert-')), startTemporal()]);
});
afterAll(async () => {
  await temporal?.stop();
  await rm(dir, { recursive: true });
});
/** Every test has a model of its own, and so a steward of its own. */
beforeEach(async () => {
  model = `Alerted${++number}`;
  steward = await watchSteward(temporal.address, model);
});
afterEach(() => steward.close());

/** Runs the command as a process, as a CI job does. */
async function alert(args: string[], env: Record<string, string> = { TEMPORAL_ADDRESS: temporal.address }) {
  const all = ['alert', '--json', '--registered-model', model, ...args];
  const { exitCode, stdout, stderr } = await spawnMediwatch(all, env);
  return { exitCode, json: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

async function reportFile(report: object): Promise<string> {
  const file = join(dir, `report-${number}.json`);
  await writeFile(file, JSON.stringify(report));
  return file;
}

describe('alert', () => {
  it('tells the steward what was said, and programs which steward has it', async () => {
    const link = 'https://reports.example.org/1';
    const { exitCode, json } = await alert([
      '--reason',
      'ages differ',
      '--report',
      link,
      '--share',
      '0.4',
      '--key',
      'k',
    ]);
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({ event: 'alert', raised: true, key: 'k', steward: `driftSteward/${model}` });
    expect(json.url).toContain(encodeURIComponent(`driftSteward/${model}`));
    expect(await steward.alerts()).toEqual([
      { key: 'k', reason: 'ages differ', source: 'mediwatch alert', report: link, share: 0.4 },
    ]);
  });

  it('that says nothing is one too, and two are two', async () => {
    await Promise.all([alert([]), alert([])]);
    const keys = (await steward.alerts())?.map(({ key }) => key);
    expect(new Set(keys).size).toBe(2);
  });

  it.each([
    [['--share', '2'], '--share'],
    [['--key', 'k'.repeat(101)], '--key'],
    [['--share', 'half'], '--share'],
  ])('%j is refused, and nothing is raised', async (args, flag) => {
    const { exitCode, stderr } = await alert(args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(flag)]);
    expect(await steward.alerts()).toBeUndefined();
  });

  it('ends with 4 when Temporal stays away', async () => {
    expect(await alert([], { TEMPORAL_ADDRESS: NOWHERE })).toMatchObject({ exitCode: 4, json: { event: 'error' } });
  });
});

describe('alert with a report', () => {
  it('that is drift is raised, with the key of what was compared, and where people find it', async () => {
    const file = await reportFile(evidently07({ age: true, diag_1: true }));
    const link = 'https://ci.example.org/runs/1';
    const [first, again] = [
      await alert(['--report', file, '--link', link]),
      await alert(['--report', file, '--link', link]),
    ];
    expect(first).toMatchObject({ exitCode: 0, json: { raised: true, verdict: 'drift' } });
    expect(again.json.key).toBe(first.json.key);
    expect(await steward.alerts()).toMatchObject([
      { key: first.json.key, share: 1, report: link, reason: expect.stringContaining('the data set drifted') },
      { key: first.json.key },
    ]);
  });

  it.each([
    ['is no drift', evidently07({ age: false }), 'no drift'],
    ['has too few rows', evidently04({ age: true }, 37), 'skipped'],
  ])('that %s is not raised, except by force', async (_what, report, verdict) => {
    const file = await reportFile(report);
    expect(await alert(['--report', file])).toMatchObject({ exitCode: 0, json: { raised: false, verdict } });
    expect(await steward.alerts()).toBeUndefined();
    expect(await alert(['--report', file, '--force', '--reason', 'I saw it'])).toMatchObject({
      exitCode: 0,
      json: { raised: true, verdict },
    });
    expect(await steward.alerts()).toMatchObject([{ reason: 'I saw it' }]);
  });

  it('that nobody knows, or that is not there, is refused: it is never no drift', async () => {
    for (const file of [await reportFile({ metrics: [{ metric: 'DataDriftPreset' }] }), join(dir, 'nowhere.json')]) {
      expect(await alert(['--report', file])).toMatchObject({ exitCode: 2 });
    }
    expect(await steward.alerts()).toBeUndefined();
  });
});

describe('alert --webhook', () => {
  let webhook: Webhook;
  /** A machine that does not reach Temporal. */
  const elsewhere = { TEMPORAL_ADDRESS: NOWHERE, MEDIWATCH_WEBHOOK_SECRET: SECRET };

  beforeEach(async () => {
    webhook = await startWebhook(webhookConfig(temporal.address, dir, { MEDIWATCH_REGISTRY_REGISTERED_MODEL: model }));
  });
  afterEach(() => webhook.close());

  it('raises it without access to Temporal, at the address of the flag or of the settings', async () => {
    const given = await alert(['--webhook', webhook.url, '--reason', 'a', '--key', 'one'], elsewhere);
    const set = await alert(['--webhook', '--reason', 'b', '--key', 'two'], {
      ...elsewhere,
      MEDIWATCH_WEBHOOK_URL: webhook.url,
    });
    for (const { exitCode, json } of [given, set]) {
      expect([exitCode, json.raised, json.steward]).toEqual([0, true, `driftSteward/${model}`]);
    }
    expect((await steward.alerts())?.map(({ key }) => key)).toEqual(['one', 'two']);
  });

  it('with the secret that the embedded webhook made needs no setting', async () => {
    const env = { TEMPORAL_ADDRESS: NOWHERE, MEDIWATCH_STACK_DIR: join(dir, 'stack') };
    const config = webhookConfig(temporal.address, env.MEDIWATCH_STACK_DIR, {
      MEDIWATCH_REGISTRY_REGISTERED_MODEL: model,
      MEDIWATCH_WEBHOOK_SECRET: '',
    });
    const embedded = await startWebhook(config);
    expect(await alert(['--webhook', embedded.url], env)).toMatchObject({ exitCode: 0 });
    await embedded.close();
  });

  it('ends with 1 and its words when it refuses, and with 2 without a secret', async () => {
    const wrong = await alert(['--webhook', webhook.url], { ...elsewhere, MEDIWATCH_WEBHOOK_SECRET: 'guessed' });
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining('signature')]);
    const none = await alert(['--webhook', webhook.url], { MEDIWATCH_STACK_DIR: join(dir, 'empty') });
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('MEDIWATCH_WEBHOOK_SECRET')]);
    expect(await steward.alerts()).toBeUndefined();
  });

  it('tries again while the webhook cannot take it, signed again and with the same key', async () => {
    const seen: Array<{ key: string; signature: string | string[] | undefined }> = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        seen.push({ key: JSON.parse(body).key, signature: request.headers['x-mediwatch-signature'] });
        const done = seen.length > 2;
        response.writeHead(done ? 202 : 503, { 'content-type': 'application/json' });
        response.end(JSON.stringify(done ? { model, steward: 's' } : { error: 'Temporal did not take the alert.' }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await alert(['--webhook', url], elsewhere)).toMatchObject({ exitCode: 0, json: { steward: 's' } });
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    server.close();
  });

  it('ends with 4 when nothing answers there', async () => {
    expect(await alert(['--webhook', `http://${NOWHERE}`], elsewhere)).toMatchObject({ exitCode: 4 });
  });
});
