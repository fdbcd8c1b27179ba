import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { describe, expect, it, vi } from 'vitest';
import { killTree } from '../../../src/systems/processes/killTree.ts';
import { processTable, psTable, TAG_VARIABLE } from '../../../src/systems/processes/processTable.ts';
import { FIXTURES, living } from './support.ts';

async function startFamily(...flags: string[]) {
  const tag = randomUUID();
  const family = execa('python3', [join(FIXTURES, 'family.py'), ...flags], {
    detached: true,
    reject: false,
    buffer: false,
    env: { [TAG_VARIABLE]: tag },
  });
  const [line] = await once(family.stdout, 'data');
  const relatives = JSON.parse(String(line)) as Record<string, number>;
  return { pgid: relatives.main as number, tag, pids: Object.values(relatives) };
}

describe('killTree', () => {
  it('resolves when the group and those who left it are gone, even one with neither group nor tag', async () => {
    const { pids, ...tree } = await startFamily();
    expect(await living(pids)).toHaveLength(4);
    const startedAt = Date.now();
    await killTree({ ...tree, graceMs: 10_000 });
    expect(await living(pids)).toEqual([]);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
  });

  it('kills those who ignore SIGTERM after the time of grace, and not before', async () => {
    const { pids, ...tree } = await startFamily('--stubborn');
    const startedAt = Date.now();
    const killed = killTree({ ...tree, graceMs: 2_000 });
    await expect.poll(() => Date.now() - startedAt).toBeGreaterThan(300);
    expect(await living(pids)).toHaveLength(4);
    await killed;
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(2_000);
    expect(await living(pids)).toEqual([]);
  });

  it('kills them when the grace is over, also when the clock of the host was set back meanwhile', async () => {
    const { pids, ...tree } = await startFamily('--stubborn');
    const startedAt = Date.now();
    const clock = vi
      .spyOn(Date, 'now')
      .mockReturnValueOnce(startedAt)
      .mockReturnValue(startedAt - 3_600_000);
    const killed = killTree({ ...tree, graceMs: 300 });
    try {
      const late = delay(10_000, 'still alive', { ref: false });
      expect(await Promise.race([killed, late])).toBeUndefined();
    } finally {
      clock.mockRestore();
      await killed;
    }
    expect(await living(pids)).toEqual([]);
  });

  it('finds what is left when the first process of the group is long gone', async () => {
    const { pids, pgid, tag } = await startFamily('--exit');
    await expect.poll(() => living([pgid])).toEqual([]);
    expect(await living(pids)).toHaveLength(2);
    await killTree({ pgid, tag, graceMs: 1_000 });
    expect(await living(pids)).toEqual([]);
  });

  it('touches nothing that carries another tag', async () => {
    const one = await startFamily();
    const other = await startFamily();
    await killTree({ ...one, graceMs: 100 });
    expect(await living(other.pids)).toHaveLength(4);
    await killTree({ ...other, graceMs: 100 });
  });

  it('resolves at once when there is nothing to end', async () => {
    const startedAt = Date.now();
    await killTree({ pgid: 2 ** 22 + 1, tag: randomUUID(), graceMs: 5_000 });
    expect(Date.now() - startedAt).toBeLessThan(4_000);
  });
});

describe('the table of processes', () => {
  it('is the same by way of ps, where there is no /proc', async () => {
    const own = async (table: () => ReturnType<typeof processTable>) => {
      const { pid, ppid, pgid, start } = (await table()).find((one) => one.pid === process.pid) ?? {};
      return { pid, ppid, pgid, start: typeof start };
    };
    expect(await own(psTable)).toEqual(await own(processTable));
  });
});
