import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logFileOf, openInstanceLog, pruneInstanceLogs } from '../../src/gateway/instanceLog.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-log-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a log never takes more than twice its bound, and its tail is complete across the cut', async () => {
  const file = join(dir, 'api-1-a.log');
  const log = openInstanceLog(file, 1_000);
  for (let line = 0; line < 100; line += 1) log.write(`line ${line} ${'x'.repeat(50)}\n`);
  expect((await stat(file)).size).toBeLessThanOrEqual(1_000);
  expect((await stat(`${file}.1`)).size).toBeLessThanOrEqual(1_000);
  expect(await readdir(dir)).toHaveLength(2);
  expect(await readFile(file, 'utf8')).toContain('line 99');
  expect(log.tail()).toContain('line 60 ');
  expect(log.tail()).toHaveLength(4_000);
});

test('a restarted instance goes on with the log of the one before', async () => {
  const file = join(dir, 'api-1-a.log');
  openInstanceLog(file).write('before\n');
  openInstanceLog(file).write('after\n');
  expect(await readFile(file, 'utf8')).toBe('before\nafter\n');
});

test('a log that cannot be written is lost, and what logs goes on', async () => {
  const file = join(dir, 'api-1-a.log');
  const log = openInstanceLog(file);
  await rm(dir, { recursive: true });
  await new Promise<void>((resolve) => log.write('last words', () => resolve()));
  expect(log.tail()).toBe('last words');
});

test('the oldest logs are removed, but not those in use, nor files of others', async () => {
  for (const [age, key] of ['a', 'b', 'c', 'd'].entries()) {
    const file = join(dir, `api-1-${key}.log`);
    await writeFile(file, key);
    await writeFile(`${file}.1`, key);
    await utimes(file, 1_000 - age, 1_000 - age);
  }
  await writeFile(join(dir, 'worker.log'), '');
  pruneInstanceLogs(dir, new Set([join(dir, 'api-1-d.log')]), 2);
  expect((await readdir(dir)).filter((name) => name.endsWith('.log'))).toEqual([
    'api-1-a.log',
    'api-1-b.log',
    'api-1-d.log',
    'worker.log',
  ]);
  expect(existsSync(join(dir, 'api-1-c.log.1'))).toBe(false);
});

test('a key that a file name cannot hold is written as one', () => {
  expect(logFileOf('/logs', { version: '3', key: 'redeploy:Model/3' })).toBe('/logs/api-3-redeploy_Model_3.log');
});
