import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { until } from '../../support/until.ts';
import { type ScheduleBench, startScheduleBench } from './support.ts';

const WORKER = new URL('../../../src/worker.ts', import.meta.url).pathname;

let bench: ScheduleBench;
let dir: string;
beforeAll(async () => {
  bench = await startScheduleBench();
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-worker-schedules-'));
});
afterAll(async () => {
  await bench.close();
  rmSync(dir, { recursive: true, force: true });
});

type Line = Record<string, unknown>;

/** Runs real workers with these declarations until each is ready and has logged the wanted line; gives all lines. */
async function workersLog(count: number, schedules: object, wanted: RegExp, env: Record<string, string> = {}) {
  const config = join(dir, 'mediwatch.yaml');
  writeFileSync(config, stringify({ schedules, worker: { roles: ['orchestration'] }, stack: { dir } }));
  const variables = { MEDIWATCH_CONFIG: config, TEMPORAL_ADDRESS: bench.address, ...env };
  const outputs = Array.from({ length: count }, () => '');
  const workers = outputs.map((_, index) => {
    const worker = execa(process.execPath, [WORKER], { env: variables, reject: false, forceKillAfterDelay: 5_000 });
    worker.stdout.on('data', (chunk) => {
      outputs[index] += chunk;
    });
    return worker;
  });
  try {
    const done = () => outputs.every((output) => output.includes('worker ready') && wanted.test(output));
    await until(done, { timeoutMs: 60_000, what: `workers that log ${wanted}` });
  } finally {
    for (const worker of workers) worker.kill();
    await Promise.all(workers);
  }
  const lines = outputs.flatMap((output) => output.trim().split('\n'));
  return lines.map((line) => JSON.parse(line) as Line);
}

const NIGHTLY = { workflow: 'retrain', cron: '0 2 * * *' };

describe('a worker that starts', () => {
  it('makes the declared schedules, once however many start at the same time, and logs it', async () => {
    const lines = await workersLog(2, { started: NIGHTLY }, /schedule started: /);
    const outcomes = lines.filter(({ schedule }) => schedule === 'started').map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['created', 'kept']);
    expect((await bench.client.schedule.getHandle('started').describe()).action.workflowType).toBe('retrain');
  });

  it('leaves a schedule that was paused by hand, and logs what to do', async () => {
    await bench.client.schedule.getHandle('started').pause('by hand');
    const lines = await workersLog(1, { started: NIGHTLY }, /schedule started: /);
    expect(lines.find(({ schedule }) => schedule === 'started')).toMatchObject({
      outcome: 'changedByHand',
      byHand: [{ field: 'paused', declared: 'no', actual: 'yes' }],
      next: expect.stringContaining('mediwatch schedules apply --overwrite'),
    });
    expect((await bench.client.schedule.getHandle('started').describe()).state.paused).toBe(true);
  });

  it('works also when a declaration is wrong, and logs what to do', async () => {
    const lines = await workersLog(1, { wrong: { ...NIGHTLY, cron: 'daily' } }, /schedules were not applied/);
    const line = lines.find(({ msg }) => String(msg).includes('schedules were not applied'));
    expect(line?.msg).toContain('schedules.wrong.cron: "daily" is not a cron expression');
    expect(line?.next).toContain('mediwatch schedules apply');
  });

  it('leaves schedules alone when asked', async () => {
    await workersLog(1, { unwanted: NIGHTLY }, /worker ready/, { MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false' });
    await expect(bench.client.schedule.getHandle('unwanted').describe()).rejects.toThrow('not found');
  });
});
