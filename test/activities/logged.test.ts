import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { logged } from '../../src/activities/lib/step.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { openBackend } from '../../src/systems/artifacts/index.ts';
import { createLogShipper, NOT_SHIPPED } from '../../src/systems/logs/index.ts';
import { quiet } from '../support/workers.ts';
import { readAll } from '../systems/logs/support.ts';

let dir: string;
let config: Config;

beforeAll(quiet);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-logged-'));
  config = loadConfig({ MEDIWATCH_STACK_DIR: join(dir, 'state') }, '/nowhere');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it('what an activity says, and another file beside it, can be read from elsewhere, also when it fails', async () => {
  const store = join(dir, 'store');
  mkdirSync(store);
  const backend = openBackend({ store, mlflowUri: '', cacheDir: '', timeoutMs: 5_000 });
  const shipper = createLogShipper({
    backend,
    marksFolder: join(dir, 'marks'),
    onTrouble: ({ message }) => expect.unreachable(message),
    onRecovery: () => undefined,
  });
  const [whole, rest] = [join(dir, 'whole.log'), join(dir, 'rest.log')];
  for (const file of [whole, rest]) writeFileSync(file, 'of before\n');
  const workflowExecution = { workflowId: 'release/redeploy', runId: 'cccccccc-1' };
  const activity = new MockActivityEnvironment({ workflowExecution, activityId: '4', attempt: 2 });
  const run = async () =>
    logged({ config, shipper, name: 'candidate' }, async (log) => {
      log.follow('api', whole, { fromStart: true });
      log.follow('docker-build', rest);
      for (const file of [whole, rest]) appendFileSync(file, 'of now\n');
      for (const line of ['starting', 'waiting', 'waiting', 'waiting', 'checking']) log.say(line);
      throw new Error('It has exited.');
    });
  await expect(activity.run(run)).rejects.toThrow('It has exited.');
  await shipper.close(5_000);
  const { events, entries } = await readAll(backend, 'release');
  const said = events.flatMap((event) =>
    event.kind === 'lines' ? event.lines.map((line) => `${event.entry.step} ${line.replace(/^\S+Z /, '')}`) : [],
  );
  expect(said).toEqual([
    ...['candidate starting', 'candidate waiting', 'candidate checking'],
    ...['api of before', 'api of now', 'docker-build of now'],
  ]);
  expect(entries).toHaveLength(3);
  for (const entry of entries) expect(entry).toMatchObject({ attempt: 2, state: 'failed', reason: 'It has exited.' });
});

it('an activity does its work where no log can be written', async () => {
  mkdirSync(join(dir, 'state'));
  writeFileSync(join(dir, 'state', 'logs'), 'a file where a folder should be');
  const run = async () =>
    logged({ config, shipper: NOT_SHIPPED, name: 'image' }, async (log) => {
      log.say('building');
      return 'built';
    });
  expect(await new MockActivityEnvironment().run(run)).toBe('built');
});
