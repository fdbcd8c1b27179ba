import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type LivingProcess, processTable } from '../../../src/systems/processes/processTable.ts';
import { createReaper } from '../../../src/systems/processes/reaper.ts';
import { runCommand } from '../../../src/systems/processes/runCommand.ts';
import { until } from '../../support/until.ts';
import { FIXTURES, living, logLines, rejection, untilGone, useWorkshop } from './support.ts';

const workshop = useWorkshop();
let parents = 0;

/** Starts a parent with a pool and a command under way, and waits until all of it runs. */
async function startParent(...flags: string[]) {
  const folder = join(workshop.folder, `parent-${++parents}`);
  mkdirSync(folder);
  const parent = execa(process.execPath, [join(FIXTURES, 'parent.ts'), folder, ...flags], {
    buffer: false,
    reject: false,
    stderr: 'inherit',
  });
  const [line] = await once(parent.stdout, 'data');
  const pids = JSON.parse(String(line)) as number[];
  expect(await living(pids)).toHaveLength(8);
  return { parent, pid: parent.pid ?? 0, pids, folder };
}

/** The reaper of a parent: its child that has no child and is not one of its subprocesses. */
async function reaperOf(parent: number, known: number[]): Promise<LivingProcess> {
  const isReaper = ({ pid, ppid, tag }: LivingProcess) => ppid === parent && !known.includes(pid) && tag === undefined;
  return until(async () => (await processTable()).find(isReaper), { timeoutMs: 5_000, what: 'the reaper' });
}

describe('when a parent is killed with kill -9', () => {
  it('nothing that it started is alive 5 s later, and the reaper is gone as well', async () => {
    const { pid, pids, folder } = await startParent();
    const reaper = await reaperOf(pid, pids);
    process.kill(pid, 'SIGKILL');
    await untilGone([...pids, reaper.pid], 5_000);
    expect(logLines(join(folder, 'command.log'))[0]).toContain('"main"');
  });

  it('nothing is alive either that ignores SIGTERM', async () => {
    const { pid, pids } = await startParent('--stubborn');
    process.kill(pid, 'SIGKILL');
    await untilGone(pids, 5_000);
  });

  it('nothing is alive although the reaper had been killed before, and its successor is hardly born', async () => {
    const { pid, pids } = await startParent();
    const first = await reaperOf(pid, pids);
    process.kill(first.pid, 'SIGKILL');
    await untilGone([first.pid], 2_000);
    await reaperOf(pid, [...pids, first.pid]);
    process.kill(pid, 'SIGKILL');
    await untilGone(pids, 5_000);
  });

  it('nothing is alive although the reaper got the signals of Ctrl-C and of a stop before', async () => {
    const { pid, pids } = await startParent();
    const reaper = await reaperOf(pid, pids);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(reaper.pid, signal);
    process.kill(pid, 'SIGKILL');
    await untilGone(pids, 5_000);
  });
});

describe('a reaper', () => {
  it('starts in a session of its own, where no Ctrl-C reaches it', async () => {
    const { pid, pids, parent } = await startParent();
    const reaper = await reaperOf(pid, pids);
    expect(reaper.pgid).toBe(reaper.pid);
    parent.kill('SIGKILL');
    await untilGone([...pids, reaper.pid], 5_000);
  });

  it('does not keep its parent alive', async () => {
    const url = new URL('../../../src/systems/processes/reaper.ts', import.meta.url);
    const code = `await (await import(${JSON.stringify(url)})).createReaper(); console.log('ready');`;
    const { stdout, exitCode } = await execa(process.execPath, ['--input-type=module', '--eval', code], {
      timeout: 10_000,
    });
    expect({ stdout, exitCode }).toEqual({ stdout: 'ready', exitCode: 0 });
  });

  it('ends what is still watched when it is closed, and lets nothing be started any more', async () => {
    const reaper = await createReaper({ graceMs: 300 });
    const seen: string[] = [];
    const running = runCommand({
      command: ['python3', join(FIXTURES, 'family.py')],
      cwd: workshop.folder,
      env: {},
      logFile: workshop.newLog(),
      timeoutMs: 30_000,
      memoryLimitMb: 500,
      signal: new AbortController().signal,
      onProgress: (line) => seen.push(line),
      reaper,
    });
    const ended = rejection(running);
    const line = await until(() => seen[0], { timeoutMs: 10_000, what: 'the pids of the family' });
    await reaper.close();
    expect(await living(Object.values(JSON.parse(line) as Record<string, number>))).toEqual([]);
    expect(await ended).toMatchObject({ name: 'CommandFailed', signal: 'SIGTERM' });
    expect(() => reaper.newTag()).toThrow('closed');
  });
});
