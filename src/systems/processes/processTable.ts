import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs';
import { promisify } from 'node:util';

// The callback functions cost a third of those in node:fs/promises, and a table is hundreds of reads.
const read = promisify(readFile);
const list = promisify(readdir);

/** Variable that marks a process and, by inheritance, all that it starts. */
export const TAG_VARIABLE = 'MEDIWATCH_PROCESS_TAG';

/** One process that is alive; a defunct one (zombie) is not. */
export interface LivingProcess {
  pid: number;
  ppid: number;
  pgid: number;
  /** When it started, in the system's own notation: tells it from a later one with the same pid. */
  start: string;
  /** Its `MEDIWATCH_PROCESS_TAG`; only Linux shows it. */
  tag?: string;
}

/** All processes that are alive and that this user may see. */
export function processTable(): Promise<LivingProcess[]> {
  return process.platform === 'linux' ? procTable() : psTable();
}

/** How many processes are read at once: all at once would need as many file descriptors. */
const BATCH = 32;

async function procTable(): Promise<LivingProcess[]> {
  const pids = (await list('/proc')).filter((name) => /^\d+$/.test(name));
  const table: LivingProcess[] = [];
  for (let from = 0; from < pids.length; from += BATCH) {
    const batch = await Promise.all(pids.slice(from, from + BATCH).map(readProcess));
    table.push(...batch.filter((one) => one !== undefined));
  }
  return table;
}

async function readProcess(pid: string): Promise<LivingProcess | undefined> {
  const stat = await readOrNothing(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
  const [state, ppid, pgid, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Threads of the kernel have group 0.
  if (!state || state === 'Z' || state === 'X' || pgid === '0') return undefined;
  const environ = `\0${await readOrNothing(`/proc/${pid}/environ`)}`;
  const tag = environ.split(`\0${TAG_VARIABLE}=`)[1]?.split('\0')[0];
  const found = { pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), start: rest[16] ?? '' };
  return tag === undefined ? found : { ...found, tag };
}

/** Why a process cannot be read: it has ended meanwhile, or belongs to another user. */
const UNREADABLE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

async function readOrNothing(path: string): Promise<string> {
  try {
    return await read(path, 'latin1');
  } catch (error) {
    // Too few file descriptors, for one, must not look like an end.
    if (UNREADABLE.includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

/** The table by way of `ps`, for systems without /proc. (execFile: the reaper must not depend on a package here.) */
export async function psTable(): Promise<LivingProcess[]> {
  const columns = ['pid=', 'ppid=', 'pgid=', 'state=', 'lstart='].flatMap((column) => ['-o', column]);
  const { stdout } = await promisify(execFile)('/bin/ps', ['-A', ...columns], { maxBuffer: 64 * 1024 * 1024 });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , , state]) => pid && !state?.startsWith('Z'))
    .map(([pid, ppid, pgid, , ...start]) => ({
      pid: Number(pid),
      ppid: Number(ppid),
      pgid: Number(pgid),
      start: start.join(' '),
    }));
}
