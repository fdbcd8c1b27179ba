import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CommandAborted, StepError } from '../../../src/systems/processes/errors.ts';
import { createPool, type Pool, type PoolOptions } from '../../../src/systems/processes/pool.ts';
import type { TaskRequest } from '../../../src/systems/processes/warmProcess.ts';
import { until } from '../../support/until.ts';
import { FIXTURES, living, logLines, rejection, untilGone, useWorkshop } from './support.ts';

const workshop = useWorkshop();
let pool: Pool;
let idleLog: string;
afterEach(() => pool.close());

function open(size: number, options: Partial<PoolOptions> = {}): void {
  idleLog = workshop.newLog();
  pool = createPool({
    command: ['python3', join(FIXTURES, 'warm.py')],
    cwd: workshop.folder,
    env: {},
    size,
    memoryLimitMb: 500,
    reaper: workshop.reaper,
    logFile: idleLog,
    ...options,
  });
}

function run(step: string, input: unknown = {}, options: Partial<TaskRequest> = {}): Promise<unknown> {
  const { signal } = new AbortController();
  return pool.run({ step, input, logFile: workshop.newLog(), timeoutMs: 20_000, signal, ...options });
}

const pidOf = async () => ((await run('pid')) as { pid: number }).pid;

describe('a pool', () => {
  it('gives the result of a step, whatever text is in it', async () => {
    open(1);
    const input = { text: 'größer\n"😀"\r', list: [1, null, { deep: true }] };
    expect(await run('echo', input)).toEqual(input);
  });

  it('keeps its processes from one task to the next', async () => {
    open(1);
    expect(await pidOf()).toBe(await pidOf());
  });

  it('has processes that stand back for others', async () => {
    open(1, { niceness: 5 });
    expect(getPriority(await pidOf())).toBe(getPriority() + 5);
  });

  it('replaces a process after as many tasks as it may have', async () => {
    open(1, { maxTasksPerProcess: 2 });
    const pids = [await pidOf(), await pidOf(), await pidOf()];
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).not.toBe(pids[0]);
  });

  it('passes on every progress line, before the result', async () => {
    open(1);
    const onProgress = vi.fn<NonNullable<TaskRequest['onProgress']>>();
    await run('count', { to: 500 }, { onProgress });
    expect(onProgress.mock.calls.map(([{ number }]) => number)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it('takes and gives up to 10 MB in one piece', async () => {
    open(1);
    const input = { text: 'y'.repeat(9_000_000) };
    expect(await run('echo', input)).toEqual(input);
  });

  it("reports a step's own error with its fields, and keeps the process", async () => {
    open(1);
    const pid = await pidOf();
    const error = await rejection(run('refuse'));
    expect(error).toBeInstanceOf(StepError);
    expect(error).toMatchObject({ type: 'DataInvalid', message: 'No such column.', retryable: false, field: 'target' });
    expect(await pidOf()).toBe(pid);
  });

  it('runs as many tasks at once as it has processes, the others in the order in which they came', async () => {
    open(2);
    const finished: number[] = [];
    let most = 0;
    const tasks = [0, 1, 2, 3, 4].map((n) =>
      run('nap', {}, { onProgress: () => (most = Math.max(most, pool.stats().busy)) }).then(() => finished.push(n)),
    );
    await Promise.all(tasks);
    expect(most).toBe(2);
    expect(finished.slice(0, 2).sort()).toEqual([0, 1]);
    expect(finished.slice(2, 4).sort()).toEqual([2, 3]);
    expect(pool.stats()).toEqual({ size: 2, busy: 0, waiting: 0 });
  });

  it('starts all its processes at once, and lets them import modules while they are idle', async () => {
    open(2, { warm: ['json', 'csv'] });
    await until(async () => (await Promise.all([run('modules'), run('modules')])).every((result) => hasBoth(result)), {
      timeoutMs: 10_000,
      what: 'both modules in both processes',
    });
  });
});

const hasBoth = (result: unknown) => String((result as { modules: string[] }).modules) === 'json,csv';

describe('the logs of the tasks', () => {
  it('are not mixed, though one process writes them one after the other', async () => {
    open(1);
    const logs = ['alpha', 'beta', 'gamma'].map((text) => ({ text, logFile: workshop.newLog() }));
    await Promise.all(logs.map(({ text, logFile }) => run('say', { text, lines: 3_000 }, { logFile })));
    for (const { text, logFile } of logs) {
      const said = Array.from({ length: 3_000 }, (_, n) => `${text} ${n}`);
      expect(logLines(logFile)).toEqual([...said, `${text} without an end of line`]);
    }
  });

  it('are not mixed, though two processes write at once, and nothing of them is in the idle log', async () => {
    open(2);
    const logs = ['left', 'right'].map((text) => ({ text, logFile: workshop.newLog() }));
    await Promise.all(logs.map(({ text, logFile }) => run('say', { text, lines: 2_000 }, { logFile })));
    for (const { text, logFile } of logs) {
      expect(logLines(logFile)).toHaveLength(2_001);
      expect(logLines(logFile).every((line) => line.startsWith(text))).toBe(true);
    }
    expect(logLines(idleLog)).toEqual([]);
  });
});

describe('a task that is aborted', () => {
  it('leaves the queue at once when it waits', async () => {
    open(1);
    const first = run('sleep', { seconds: 1 });
    await until(() => pool.stats().busy === 1, { timeoutMs: 10_000, what: 'the first task' });
    const controller = new AbortController();
    const second = run('echo', {}, { signal: controller.signal });
    expect(pool.stats().waiting).toBe(1);
    controller.abort(new Error('changed my mind'));
    expect(await rejection(second)).toBeInstanceOf(CommandAborted);
    expect(pool.stats()).toEqual({ size: 1, busy: 1, waiting: 0 });
    await first;
  });

  it('is gone with all that it started when that is reported, and the next task has a new process', async () => {
    open(1);
    const controller = new AbortController();
    const { ended, pids } = await startSleep({ signal: controller.signal });
    expect(await living(pids)).toHaveLength(3);
    controller.abort(new Error('no longer needed'));
    const error = await rejection(ended);
    expect(await living(pids)).toEqual([]);
    expect(error).toBeInstanceOf(CommandAborted);
    expect(error).toMatchObject({ cause: { message: 'no longer needed' } });
    expect(pids).not.toContain(await pidOf());
  });

  it('does not reach a process when it was aborted before', async () => {
    open(1);
    expect(await rejection(run('echo', {}, { signal: AbortSignal.abort() }))).toBeInstanceOf(CommandAborted);
  });
});

describe('a pool that is closed', () => {
  it('aborts what runs and what waits, and leaves nothing', async () => {
    open(1);
    const { ended, pids } = await startSleep();
    const waiting = rejection(run('echo'));
    await pool.close();
    expect(await living(pids)).toEqual([]);
    expect(await rejection(ended)).toBeInstanceOf(CommandAborted);
    expect(await waiting).toBeInstanceOf(CommandAborted);
    expect(await rejection(run('echo'))).toBeInstanceOf(CommandAborted);
  });

  it('stops processes that are only starting', async () => {
    open(3);
    await pool.close();
    expect(pool.stats().busy).toBe(0);
  });
});

/** Starts a task that sleeps and has two relatives, and waits until they run. */
async function startSleep(options: Partial<TaskRequest> = {}) {
  const onProgress = vi.fn<NonNullable<TaskRequest['onProgress']>>();
  const ended = run('sleep', { seconds: 300 }, { ...options, onProgress });
  ended.catch(() => {}); // looked at by the test
  const [{ pids }] = await until(() => onProgress.mock.calls[0], { timeoutMs: 10_000, what: 'the pids of the task' });
  return { ended, pids: pids as number[] };
}

describe('an idle process that is killed', () => {
  it('is replaced, and the next task works', async () => {
    open(1);
    const pid = await pidOf();
    process.kill(pid, 'SIGKILL');
    await untilGone([pid], 5_000);
    expect(await pidOf()).not.toBe(pid);
  });

  it('does not cost the task that was given to it before anyone knew', async () => {
    open(1);
    for (let round = 0; round < 5; round++) {
      const pid = await pidOf();
      process.kill(pid, 'SIGKILL');
      // A defunct process closes its end of the pipe before its parent hears of its death.
      while ((await living([pid])).length > 0);
      expect(await pidOf()).not.toBe(pid);
    }
  });
});
