import { statSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { type RunCommandOptions, runCommand } from '../../../src/systems/processes/runCommand.ts';
import { logLines, useWorkshop } from './support.ts';

const workshop = useWorkshop();

function runPython(code: string, options: Partial<RunCommandOptions> = {}) {
  return runCommand({
    command: ['python3', '-c', code],
    cwd: workshop.folder,
    env: {},
    logFile: workshop.newLog(),
    timeoutMs: 60_000,
    memoryLimitMb: 1_000,
    signal: new AbortController().signal,
    reaper: workshop.reaper,
    ...options,
  });
}

describe('the output of a command', () => {
  it('may be 200 MB: it is all in the log, this process stays small, and its event loop goes on', async () => {
    const logFile = workshop.newLog();
    const before = process.memoryUsage().rss;
    let largest = before;
    let longestPause = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      largest = Math.max(largest, process.memoryUsage().rss);
      longestPause = Math.max(longestPause, performance.now() - last);
      last = performance.now();
    }, 20);
    const result = await runPython(
      `line = "x" * 99 + "\\n"
import sys
for _ in range(2000): sys.stdout.write(line * 1000)
print("the end")`,
      { logFile },
    );
    clearInterval(watch);
    expect(result.lastLine).toBe('the end');
    const stamp = '2026-01-01T00:00:00.000Z '.length;
    expect(statSync(logFile).size).toBe(2_000_000 * (100 + stamp) + stamp + 'the end\n'.length);
    expect((largest - before) / 1024 ** 2).toBeLessThan(300);
    expect(longestPause).toBeLessThan(1_000);
  });

  it('may be one line of 10 MB, which the log has in pieces', async () => {
    const logFile = workshop.newLog();
    const result = await runPython('print("a" * 10_000_000, end="")', { logFile });
    expect(logLines(logFile).join('')).toBe('a'.repeat(10_000_000));
    expect(result.lastLine).toMatch(/^a+$/);
  });

  it('may be no text at all', async () => {
    const result = await runPython(
      'import os, sys; sys.stdout.buffer.write(os.urandom(300_000) + b"\\nend"); sys.stdout.flush()',
    );
    expect(result.lastLine).toBe('end');
  });

  it('may be in any script, cut anywhere by the pipe', async () => {
    const logFile = workshop.newLog();
    await runPython('print("größer 😀" * 30_000)', { logFile });
    expect(logLines(logFile).join('')).toBe('größer 😀'.repeat(30_000));
  });

  it('is passed on as progress at most five times a second, the newest line each time', async () => {
    const onProgress = vi.fn<(line: string) => void>();
    const code = `import time
for n in range(100): print(n, flush=True); time.sleep(0.01)
time.sleep(0.4)`;
    const { seconds } = await runPython(code, { onProgress });
    const numbers = onProgress.mock.calls.map(([line]) => Number(line));
    expect(numbers.length).toBeGreaterThan(3);
    expect(numbers.length).toBeLessThanOrEqual(seconds * 5 + 1);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(99);
  });

  it('counts the states of a progress bar, which end with a carriage return, as lines', async () => {
    const onProgress = vi.fn<(line: string) => void>();
    await runPython(
      'import time\nfor p in (10, 50): print(f"\\r{p} %", end="", flush=True); time.sleep(0.5)\nprint("\\r100 %")',
      { onProgress },
    );
    expect(onProgress.mock.calls.flat()).toContain('10 %');
  });
});
