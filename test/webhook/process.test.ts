import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { post, SECRET, startProcess } from './support.ts';

let dir: string;
let temporal: TestTemporal;
beforeEach(async () => {
  [dir, temporal] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-webhook-')), startTemporal()]);
});
afterEach(async () => {
  await temporal.stop();
  await rm(dir, { recursive: true });
});

const start = (settings: Record<string, string> = {}) =>
  startProcess({ TEMPORAL_ADDRESS: temporal.address, MEDIWATCH_STACK_DIR: dir, ...settings });

it('logs JSON lines that hold no secret and no body, and ends when it is asked to', async () => {
  const { child, url } = await start();
  const reason = 'a patient of 87 years';
  expect((await post(url, { reason, key: 'k-1' })).status).toBe(202);
  expect((await post(url, { reason }, { secret: 'guessed' })).status).toBe(401);
  expect((await post(url, `{"reason": "${reason}`)).status).toBe(400);
  expect((await post(url, {}, { headers: { authorization: 'Bearer a token' } })).status).toBe(202);
  child.kill('SIGTERM');
  const { exitCode, all } = await child;
  expect(exitCode).toBe(0);
  const lines = all.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.find(({ msg }) => msg === 'alert accepted')).toMatchObject({ name: 'webhook', keys: ['k-1'] });
  expect(lines.filter(({ msg }) => msg === 'alert refused').map(({ status }) => status)).toEqual([401, 400]);
  for (const hidden of [SECRET, 'a token', reason]) expect(all).not.toContain(hidden);
});

it('starts without Temporal, answers 503, and ends when it is asked to', async () => {
  const away = await start({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect((await post(away.url, {})).status).toBe(503);
  away.child.kill('SIGTERM');
  expect((await away.child).exitCode).toBe(0);
});

it('says which port is taken, and how to choose another', async () => {
  const first = await start();
  const port = new URL(first.url).port;
  const second = await execa(process.execPath, [join(PROJECT_ROOT, 'src', 'webhook', 'main.ts')], {
    cwd: PROJECT_ROOT,
    env: { MEDIWATCH_STACK_DIR: dir, MEDIWATCH_STACK_WEBHOOK_PORT: port },
    reject: false,
  });
  expect([second.exitCode, second.stdout]).toEqual([1, expect.stringContaining('stack.webhookPort')]);
  first.child.kill('SIGTERM');
  await first.child;
});
