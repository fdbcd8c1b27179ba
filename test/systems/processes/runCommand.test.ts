import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  CommandAborted,
  CommandFailed,
  CommandNotFound,
  CommandOutOfMemory,
  CommandTimedOut,
} from '../../../src/systems/processes/errors.ts';
import { type RunCommandOptions, runCommand } from '../../../src/systems/processes/runCommand.ts';
import { until } from '../../support/until.ts';
import { FIXTURES, living, logLines, rejection, useWorkshop } from './support.ts';

const workshop = useWorkshop();

function run(command: string[], options: Partial<RunCommandOptions> = {}) {
  return runCommand({
    command,
    cwd: workshop.folder,
    env: {},
    logFile: workshop.newLog(),
    timeoutMs: 30_000,
    memoryLimitMb: 1_000,
    signal: new AbortController().signal,
    graceMs: 500,
    reaper: workshop.reaper,
    ...options,
  });
}

const python = (code: string) => ['python3', '-c', code];

/** Starts family.py, and waits until its relatives run. */
async function runFamily(flags: string[], options: Partial<RunCommandOptions> = {}) {
  const onProgress = vi.fn<(line: string) => void>();
  const ended = run(['python3', join(FIXTURES, 'family.py'), ...flags], { ...options, onProgress });
  ended.catch(() => {}); // looked at by the test
  const [line] = await until(() => onProgress.mock.calls[0], { timeoutMs: 10_000, what: 'the pids of the family' });
  return { ended, pids: Object.values(JSON.parse(line) as Record<string, number>) };
}

describe('a command that ends well', () => {
  it('gives its last line and its time, and has its environment, folder and an empty input', async () => {
    const code = 'import os, sys; print(sys.stdin.read() + os.environ["COLOUR"]); print(os.getcwd()); print()';
    const result = await run(python(code), { env: { COLOUR: 'red' } });
    expect(result).toMatchObject({ exitCode: 0, lastLine: workshop.folder });
    expect(result.seconds).toBeGreaterThan(0);
  });

  it('has both streams in its log, after what was there before', async () => {
    const logFile = workshop.newLog();
    await run(['echo', 'before'], { logFile });
    await run(['sh', '-c', 'echo out; echo err >&2; printf "no end"'], { logFile });
    const lines = logLines(logFile);
    expect(lines[0]).toBe('before');
    expect(lines.slice(1).sort()).toEqual(['err', 'no end', 'out']);
  });

  it.runIf(process.platform === 'linux')('ends what left its group, its parent and its environment', async () => {
    const code = `
import os
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.write(write, str(os.getpid()).encode())
    os.closerange(0, 64)
    os.execve("/bin/sleep", ["sleep", "300"], {})
os.wait()
print(os.read(read, 20).decode())`;
    const { lastLine } = await run(python(code));
    expect(await living([Number(lastLine)])).toEqual([]);
  });

  it('ends although a grandchild holds its pipes open, and the grandchild is ended too', async () => {
    const { ended, pids } = await runFamily(['--exit']);
    expect((await ended).seconds).toBeLessThan(5);
    expect(await living(pids)).toEqual([]);
  });
});

describe('a command that fails', () => {
  it('is reported with its exit code and the end of its output', async () => {
    const logFile = workshop.newLog();
    const error = await rejection(run(python('import sys; print("x" * 9000); sys.exit("boom")'), { logFile }));
    expect(error).toBeInstanceOf(CommandFailed);
    expect(error).toMatchObject({ exitCode: 1, signal: null, logFile });
    const { tail } = error as CommandFailed;
    expect(tail).toContain('boom');
    expect(tail.length).toBeLessThanOrEqual(2_000);
  });

  it('is reported with exit code 3, and with the signal that ended it', async () => {
    expect(await rejection(run(['sh', '-c', 'exit 3']))).toMatchObject({ name: 'CommandFailed', exitCode: 3 });
    const killed = await rejection(run(['sh', '-c', 'kill -9 $$']));
    expect(killed).toMatchObject({ name: 'CommandFailed', exitCode: null, signal: 'SIGKILL' });
  });

  it('is distinguished: no program, no permission, no folder', async () => {
    const noProgram = await rejection(run(['no-such-program']));
    expect(noProgram).toBeInstanceOf(CommandNotFound);
    expect(noProgram).toMatchObject({ code: 'noProgram', path: 'no-such-program' });

    const notExecutable = await rejection(run([join(FIXTURES, 'warm.py')]));
    expect(notExecutable).toMatchObject({ name: 'CommandNotFound', code: 'notExecutable' });

    const noFolder = await rejection(run(['true'], { cwd: '/no/such/folder' }));
    expect(noFolder).toMatchObject({ name: 'CommandNotFound', code: 'noFolder', path: '/no/such/folder' });
  });

  it('is stopped when its log cannot be written', async () => {
    const error = await rejection(run(python('while True: print("line")'), { logFile: '/dev/full' }));
    expect(error).toMatchObject({ code: 'ENOSPC' });
  });
});

describe('a command that is stopped', () => {
  it('is gone with all its relatives when the abort is reported', async () => {
    const controller = new AbortController();
    const { ended, pids } = await runFamily([], { signal: controller.signal });
    expect(await living(pids)).toHaveLength(4);
    controller.abort(new Error('not needed'));
    const error = await rejection(ended);
    expect(await living(pids)).toEqual([]);
    expect(error).toBeInstanceOf(CommandAborted);
    expect(error).toMatchObject({ cause: { message: 'not needed' } });
  });

  it('is gone although it ignores SIGTERM', async () => {
    const controller = new AbortController();
    const { ended, pids } = await runFamily(['--stubborn'], { signal: controller.signal });
    controller.abort();
    await rejection(ended);
    expect(await living(pids)).toEqual([]);
  });

  it('has what it wrote in its log', async () => {
    const logFile = workshop.newLog();
    const code = 'import time; print("begun", flush=True); print("half", end="", flush=True); time.sleep(300)';
    await rejection(run(python(code), { logFile, timeoutMs: 1_000 }));
    expect(logLines(logFile)).toEqual(['begun', 'half']);
  });

  it('is not started when it was aborted before', async () => {
    const error = await rejection(run(['touch', join(workshop.folder, 'made')], { signal: AbortSignal.abort() }));
    expect(error).toBeInstanceOf(CommandAborted);
    await expect(run(['test', '-e', join(workshop.folder, 'made')])).rejects.toMatchObject({ exitCode: 1 });
  });

  it('is stopped when it hangs', async () => {
    const { ended, pids } = await runFamily([], { timeoutMs: 1_500 });
    const error = await rejection(ended);
    expect(error).toBeInstanceOf(CommandTimedOut);
    expect(error).toMatchObject({ timeoutMs: 1_500 });
    expect(await living(pids)).toEqual([]);
  });

  it('is stopped when it needs too much memory, that of its children included', async () => {
    const code = `import subprocess, sys, time
subprocess.run([sys.executable, "-c", "import time; hoard = bytearray(300_000_000); time.sleep(300)"])`;
    const error = await rejection(run(python(code), { memoryLimitMb: 200 }));
    expect(error).toBeInstanceOf(CommandOutOfMemory);
    expect((error as CommandOutOfMemory).usedMb).toBeGreaterThan(200);
  });
});
