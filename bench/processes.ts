import { readdirSync, readFileSync } from 'node:fs';

/** CPU time that processes have used so far, by Linux's table of processes; what has ended counts no more. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = statOf(pid);
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return sum(ticks) / 100;
}

/** Memory that processes hold, in MiB; pages that they share count once for each. */
export function residentMib(pids: readonly number[]): number {
  return Math.round(sum(pids.map((pid) => Number(statOf(pid)[21] ?? 0))) / 256);
}

/** The processes of the group that a process leads. */
export const inGroup = ({ pid }: { pid?: number | undefined }): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((one) => one > 0 && Number(statOf(one)[2]) === pid);

/** Fields of /proc/PID/stat from the state on; none once the process has ended. */
function statOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  } catch {
    return [];
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
