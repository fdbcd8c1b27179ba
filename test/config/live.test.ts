import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { liveSettings } from '../../src/config/live.ts';
import { forModel, loadConfig } from '../../src/config.ts';
import { announceSettings, settingsInForce } from '../../src/systems/settingsInForce.ts';

let dir: string;
let said: unknown[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-live-'));
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

/** As editors do: a new file in the place of the old one. */
function write(text: string): void {
  writeFileSync(join(dir, 'draft'), text);
  renameSync(join(dir, 'draft'), join(dir, 'mediwatch.yaml'));
}

const open = () =>
  liveSettings({}, dir, {
    taken: (waiting) => said.push(waiting),
    refused: ({ problems }) => said.push(problems.map(({ path, line }) => `${line} ${path}`)),
  });

test('a changed file is in force where the settings are read, of each model too', () => {
  write('search: {trials: 3}\nmodels: {A: {search: {trials: 5}}, B: {deployment: {target: none}}}\n');
  const { config, refresh } = open();
  const before = config.digest;
  refresh();
  expect(said).toEqual([]);
  write(
    'search: {trials: 4}\nmlflow: {experiment: other}\nmodels: {A: {search: {trials: 6}}, B: {deployment: {target: none}}}\n',
  );
  refresh();
  refresh();
  expect(said).toEqual([[]]);
  expect(config.search.trials).toBe(4);
  expect(config.mlflow.experiment).toBe('other');
  expect(forModel(config, 'A').search.trials).toBe(6);
  expect(config.digest).not.toBe(before);
  expect(config.digest).toBe(loadConfig({}, dir).digest);
});

test('what connections and processes were made of waits for a restart, and is named', () => {
  write('worker: {slots: 2}\nstack: {apiPort: 9000}\n');
  const { config, refresh } = open();
  write('worker: {slots: 3}\nstack: {apiPort: 9001}\nsearch: {trials: 7}\n');
  refresh();
  expect(said).toEqual([expect.arrayContaining(['worker', 'stack'])]);
  expect([config.worker.slots, config.stack.apiPort, config.search.trials]).toEqual([2, 9000, 7]);
});

test('a file that cannot be used, or is gone for a moment, changes nothing', () => {
  write('search: {trials: 3}\n');
  const { config, refresh } = open();
  const { digest } = config;
  rmSync(join(dir, 'mediwatch.yaml'));
  refresh();
  write('search: {trails: 4}\n');
  refresh();
  expect(said).toEqual([['1 search.trails']]);
  expect([config.search.trials, config.digest]).toEqual([3, digest]);
  write('search: {trials: 4}\n');
  refresh();
  expect(config.search.trials).toBe(4);
});

test('a process of this host says which settings it goes by, and one that has ended says nothing', () => {
  write('search: {trials: 3}\n');
  const { config } = open();
  const announce = announceSettings(config, 'worker');
  announce({ waiting: ['stack'] });
  writeFileSync(join(dir, '.mediwatch/settings/gateway.nowhere-1.json'), '{');
  expect(settingsInForce(config)).toEqual([
    { part: 'worker', pid: process.pid, digest: config.digest, waiting: ['stack'], refused: null },
  ]);
});
