import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sign } from '../../src/systems/signature.ts';
import { createReplays } from '../../src/webhook/replays.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { post, SECRET, startProcess, watchSteward } from '../webhook/support.ts';

let root: string;
let dir: string;
let temporal: TestTemporal;
beforeAll(async () => {
  [root, temporal] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-webhook-')), startTemporal()]);
});
beforeEach(async () => {
  dir = await mkdtemp(join(root, 'state-'));
});
afterAll(async () => {
  await temporal?.stop();
  await rm(root, { recursive: true, force: true });
});

const signature = (digit: string) => `sha256=${digit.repeat(64)}`;
const quiet = pino({ level: 'silent' });
const accept = async () => ({ accepted: true });

it('a signature of one path is none of another path, query or method', async () => {
  const model = 'Signed';
  const { child, url } = await startProcess({
    TEMPORAL_ADDRESS: temporal.address,
    MEDIWATCH_STACK_DIR: dir,
    MEDIWATCH_REGISTRY_REGISTERED_MODEL: model,
  });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const body = '{"reason":"ages differ"}';
  const stolen = (method: string, path: string) => ({
    timestamp,
    headers: { 'x-mediwatch-signature': sign(SECRET, timestamp, { method, path, body }) },
  });
  const attacks = [
    { path: `/alerts/${model}`, ...stolen('POST', '/alerts') },
    { path: '/alerts?model=x', ...stolen('POST', '/alerts') },
    { path: '/alerts', ...stolen('GET', '/alerts') },
    { path: '/alerts', ...stolen('POST', '/hook') },
  ];
  for (const attack of attacks) expect((await post(url, body, attack)).status).toBe(401);
  expect((await post(url, body, { path: '/alerts', ...stolen('POST', '/alerts') })).status).toBe(202);
  child.kill('SIGTERM');
  await child;
});

it('what was accepted before kill -9 is refused after it, and the steward has it once', async () => {
  const model = 'Killed';
  const settings = {
    TEMPORAL_ADDRESS: temporal.address,
    MEDIWATCH_STACK_DIR: dir,
    MEDIWATCH_REGISTRY_REGISTERED_MODEL: model,
  };
  const steward = await watchSteward(temporal.address, model);
  const sent = { timestamp: Math.floor(Date.now() / 1_000) };
  const before = await startProcess(settings);
  expect((await post(before.url, {}, sent)).status).toBe(202);
  before.child.kill('SIGKILL');
  await before.child;
  const after = await startProcess(settings);
  expect((await post(after.url, {}, sent)).status).toBe(409);
  expect(await steward.alerts()).toHaveLength(1);
  after.child.kill('SIGTERM');
  await Promise.all([after.child, steward.close()]);
});

it('the file of accepted requests is for its owner only, survives half a line, and holds none that are too old', async () => {
  const file = join(dir, 'accepted');
  const first = createReplays({ clock: () => 0, file, log: quiet });
  await first.once(signature('a'), 1_000, accept);
  await appendFile(file, `\n1000 ${signature('b').slice(0, 30)}`);
  await first.once(signature('c'), 2_000, accept);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const restarted = createReplays({ clock: () => 500, file, log: quiet });
  expect(await restarted.once(signature('a'), 1_000, accept)).toBeNull();
  expect(await restarted.once(signature('b'), 1_000, accept)).not.toBeNull();
  expect(await restarted.once(signature('c'), 2_000, accept)).toBeNull();
  createReplays({ clock: () => 1_500, file, log: quiet });
  expect((await readFile(file, 'utf8')).trim().split('\n')).toEqual([`2000 ${signature('c')}`]);
});

it('the file does not grow with what is too old, while one process runs', async () => {
  const file = join(dir, 'accepted');
  let now = 0;
  const replays = createReplays({ clock: () => now, file, log: quiet });
  for (now = 0; now < 3_000; now += 1) await replays.once(`sha256=${String(now).padStart(64, '0')}`, now, accept);
  expect((await readFile(file, 'utf8')).trim().split('\n').length).toBeLessThan(1_100);
});

it('without a place for the file, requests are taken, replays are refused, the log says so once, and it catches up', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line) => lines.push(line) });
  const blocked = join(dir, 'blocked');
  await writeFile(blocked, '');
  const file = join(blocked, 'accepted');
  const replays = createReplays({ clock: () => 0, file, log });
  for (const digit of ['a', 'b']) {
    expect(await replays.once(signature(digit), 1_000, accept)).not.toBeNull();
    expect(await replays.once(signature(digit), 1_000, accept)).toBeNull();
  }
  expect(lines).toHaveLength(1);
  await rm(blocked);
  await replays.once(signature('c'), 1_000, accept);
  const restarted = createReplays({ clock: () => 0, file, log });
  for (const digit of ['a', 'b', 'c']) expect(await restarted.once(signature(digit), 1_000, accept)).toBeNull();
});
