import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  CommandOutOfMemory,
  CommandTimedOut,
  ProcessDidNotStart,
  ProcessDied,
  ProtocolBroken,
} from '../../../src/systems/processes/errors.ts';
import { createPool, type Pool, type PoolOptions } from '../../../src/systems/processes/pool.ts';
import type { TaskRequest } from '../../../src/systems/processes/warmProcess.ts';
import { until } from '../../support/until.ts';
import { FIXTURES, living, logLines, rejection, untilGone, useWorkshop } from './support.ts';

const workshop = useWorkshop();
let pool: Pool;
afterEach(() => pool.close());

function open(options: Partial<PoolOptions> = {}): void {
  pool = createPool({
    command: ['python3', join(FIXTURES, 'warm.py')],
    cwd: workshop.folder,
    env: {},
    size: 1,
    memoryLimitMb: 300,
    reaper: workshop.reaper,
    logFile: workshop.newLog(),
    ...options,
  });
}

function run(step: string, input: unknown = {}, options: Partial<TaskRequest> = {}): Promise<unknown> {
  const { signal } = new AbortController();
  return pool.run({ step, input, logFile: workshop.newLog(), timeoutMs: 20_000, signal, ...options });
}

/** The next task has a process that works, in the place of the one that did not. */
async function expectReplaced(): Promise<void> {
  expect(await run('echo', { still: 'there' })).toEqual({ still: 'there' });
}

describe('a process that fails its task', () => {
  it('by dying: the task learns the exit code and the last words, and has them in its log', async () => {
    open();
    const logFile = workshop.newLog();
    const error = await rejection(run('die', {}, { logFile }));
    expect(error).toBeInstanceOf(ProcessDied);
    expect(error).toMatchObject({ exitCode: 7, signal: null, tail: 'about to die' });
    expect(logLines(logFile)).toEqual(['about to die']);
    await expectReplaced();
  });

  it('by being killed: the task learns the signal, and what it started is gone', async () => {
    open();
    const onProgress = vi.fn(({ pids }: Record<string, unknown>) =>
      process.kill((pids as number[])[0] ?? 0, 'SIGKILL'),
    );
    const error = await rejection(run('sleep', { seconds: 300 }, { onProgress }));
    expect(error).toMatchObject({ name: 'ProcessDied', exitCode: null, signal: 'SIGKILL' });
    expect(await living(onProgress.mock.calls[0]?.[0].pids as number[])).toEqual([]);
    await expectReplaced();
  });

  it('by dying after its answer: the answer counts', async () => {
    open();
    const { pid } = (await run('answerAndDie')) as { pid: number };
    await untilGone([pid], 5_000);
    await expectReplaced();
  });

  it('by hanging: it is killed when the time is over, with all that it started', async () => {
    open();
    const onProgress = vi.fn<NonNullable<TaskRequest['onProgress']>>();
    const error = await rejection(run('sleep', { seconds: 300 }, { timeoutMs: 800, onProgress }));
    expect(error).toBeInstanceOf(CommandTimedOut);
    expect(await living(onProgress.mock.calls[0]?.[0].pids as number[])).toEqual([]);
    await expectReplaced();
  });

  it('by hanging and ignoring SIGTERM as well', async () => {
    open();
    const onProgress = vi.fn<NonNullable<TaskRequest['onProgress']>>();
    const error = await rejection(run('stubborn', {}, { timeoutMs: 500, onProgress }));
    expect(error).toBeInstanceOf(CommandTimedOut);
    expect(await living(onProgress.mock.calls[0]?.[0].pids as number[])).toEqual([]);
    await expectReplaced();
  });

  it('by using too much memory', async () => {
    open();
    const error = await rejection(run('grow'));
    expect(error).toBeInstanceOf(CommandOutOfMemory);
    await expectReplaced();
  });

  it('by writing to stdout what is not an answer: the line is named', async () => {
    open();
    const error = await rejection(run('garbage'));
    expect(error).toBeInstanceOf(ProtocolBroken);
    expect(error).toBeInstanceOf(ProcessDied);
    expect(String(error)).toContain('Epoch 1/10');
    await expectReplaced();
  });

  it('by answering more than 10 MB, or without an end', async () => {
    open();
    expect(await rejection(run('big', { characters: 11_000_000 }))).toBeInstanceOf(ProtocolBroken);
    expect(await rejection(run('endless'))).toBeInstanceOf(ProtocolBroken);
    await expectReplaced();
  });
});

describe('a pool whose processes do not start', () => {
  const broken = ['python3', '-c', 'import module_that_is_missing'];

  it('refuses the task after three attempts, with the reason', async () => {
    open({ command: broken });
    const error = await rejection(run('echo'));
    expect(error).toBeInstanceOf(ProcessDidNotStart);
    expect(error).toMatchObject({ attempts: 3 });
    expect((error as ProcessDidNotStart).tail).toContain("No module named 'module_that_is_missing'");
  });

  it('names a program that does not exist', async () => {
    open({ command: ['/no/such/python'] });
    const error = await rejection(run('echo'));
    expect(error).toMatchObject({ name: 'ProcessDidNotStart', cause: { name: 'CommandNotFound' } });
    expect(String(error)).toContain('/no/such/python');
  });

  it.each([
    ['at once', 'import sys; sys.exit("attempt")'],
    ['when they are hardly ready', `import sys; print('{"ready": true}', flush=True); sys.exit("attempt")`],
  ])('starts them again after growing pauses when they end %s', async (_, code) => {
    const logFile = workshop.newLog();
    open({ command: ['python3', '-c', code], logFile });
    const attempts = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8').match(/^\S+Z(?= attempt$)/gm) : null);
    await until(() => attempts()?.length === 4, { timeoutMs: 20_000, what: 'the fourth attempt' });
    const [, second, third, fourth] = (attempts() ?? []).map((time) => Date.parse(time)) as [number, ...number[]];
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(200);
    expect((fourth ?? 0) - (third ?? 0)).toBeGreaterThanOrEqual(400);
  });

  it('runs the task when an attempt succeeds', async () => {
    const flag = join(workshop.folder, 'second');
    const code = `import os, runpy, sys
if not os.path.exists(${JSON.stringify(flag)}):
    open(${JSON.stringify(flag)}, "w").close()
    sys.exit("not yet")
runpy.run_path(${JSON.stringify(join(FIXTURES, 'warm.py'))})`;
    open({ command: ['python3', '-c', code] });
    await expectReplaced();
  });
});
