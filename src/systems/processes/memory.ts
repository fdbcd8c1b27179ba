import { readFile } from 'node:fs/promises';
import pidusage from 'pidusage';

/**
 * How much memory processes use together (MiB), as far as it matters for a limit: up to the limit the sum of their
 * resident memory, beyond it that of their proportional shares, in which a page that several of them share counts once.
 * Only Linux knows those.
 *
 * @param limitMb memory that they may use (MiB)
 */
export async function usedMb(pids: readonly number[], limitMb: number): Promise<number> {
  // Those that ended meanwhile are missing in the answer; when all have, it fails.
  const usage = await pidusage([...pids]).catch(() => ({}));
  const resident = Object.entries<{ memory: number } | undefined>(usage).map(
    ([pid, one]) => [pid, (one?.memory ?? 0) / 2 ** 20] as const,
  );
  const all = sum(resident.map(([, mb]) => mb));
  if (all <= limitMb || process.platform !== 'linux') return all;
  // The kernel walks through all pages for it, so it is asked only when it decides.
  return sum(await Promise.all(resident.map(async ([pid, mb]) => (await proportionalMb(pid)) ?? mb)));
}

/** Undefined for a process that has ended or does not let itself be looked into. */
async function proportionalMb(pid: string): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const kib = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) / 1024;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
