import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { processTable } from '../../../src/systems/processes/processTable.ts';
import { createReaper, type Reaper } from '../../../src/systems/processes/reaper.ts';
import { until } from '../../support/until.ts';

export const FIXTURES = join(import.meta.dirname, 'fixtures');

/** What the tests of a file share: a folder and a reaper, both gone afterwards. */
export function useWorkshop() {
  const folder = mkdtempSync(join(tmpdir(), 'processes-'));
  let reaper: Reaper | undefined;
  let logs = 0;
  beforeAll(async () => {
    reaper = await createReaper({ graceMs: 500 });
  });
  afterAll(async () => {
    await reaper?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get reaper(): Reaper {
      if (!reaper) throw new Error('The reaper starts in beforeAll.');
      return reaper;
    },
    newLog: () => join(folder, 'logs', `${++logs}.log`),
  };
}

/** Those of the pids that are alive; a defunct process is not. */
export async function living(pids: Iterable<number>): Promise<number[]> {
  const alive = new Set((await processTable()).map(({ pid }) => pid));
  return [...pids].filter((pid) => alive.has(pid));
}

/** Waits until none of the processes is alive. */
export async function untilGone(pids: number[], timeoutMs: number): Promise<void> {
  const what = `the end of the processes ${pids.join(', ')}`;
  await until(async () => (await living(pids)).length === 0, { timeoutMs, what });
}

/** The lines of a log without their times. */
export function logLines(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, ''));
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('It was not rejected.');
    },
    (error: unknown) => error,
  );
}
