import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setImmediate as otherWork } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Variable that marks a process and, by inheritance, all that it starts. */
export const TAG_VARIABLE = 'MEDIWATCH_PROCESS_TAG';

/** Variable that says which GPUs a process has, and which worker gave them to it. */
export const GPUS_VARIABLE = 'MEDIWATCH_GPUS';

/**
 * A number that a tree's processes carry as their limit of file locks, which the kernel has not heeded since 2003: a
 * process that leaves its group and its parent and clears its environment still has the limits that it inherited.
 */
export function markOf(tag: string): string {
  return String(createHash('sha256').update(tag).digest().readUIntBE(0, 6));
}

/** One process that is alive; a defunct one (zombie) is not. */
export interface LivingProcess {
  pid: number;
  ppid: number;
  pgid: number;
  /** When it started, in the system's own notation: tells it from a later one with the same pid. */
  start: string;
  /** Its `MEDIWATCH_PROCESS_TAG`; only Linux shows it. */
  tag?: string;
  /** Its mark (see markOf); only Linux shows it. */
  mark?: string;
  /** Its `MEDIWATCH_GPUS`; only Linux shows it. */
  gpus?: string;
}

/** All processes that are alive and that this user may see. */
export function processTable(): Promise<LivingProcess[]> {
  return process.platform === 'linux' ? procTable() : psTable();
}

/** How many processes are read before other work of this process has its turn. */
const BATCH = 32;

/** A table is hundreds of reads that never wait: a synchronous one costs a fraction of an asynchronous one. */
async function procTable(): Promise<LivingProcess[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const table: LivingProcess[] = [];
  for (let from = 0; from < pids.length; from += BATCH) {
    if (from > 0) await otherWork();
    const batch = pids.slice(from, from + BATCH).map(readProcess);
    table.push(...batch.filter((one) => one !== undefined));
  }
  return table;
}

function readProcess(pid: string): LivingProcess | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
  const [state, ppid, pgid, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Threads of the kernel have group 0.
  if (!state || state === 'Z' || state === 'X' || pgid === '0') return undefined;
  const environ = `\0${readOrNothing(`/proc/${pid}/environ`)}`;
  const variable = (name: string) => environ.split(`\0${name}=`)[1]?.split('\0')[0];
  const [tag, gpus] = [variable(TAG_VARIABLE), variable(GPUS_VARIABLE)];
  const found = { pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), start: rest[16] ?? '' };
  const mark = /^Max file locks\s+(\d+)/m.exec(readOrNothing(`/proc/${pid}/limits`))?.[1];
  return {
    ...found,
    ...(tag !== undefined && { tag }),
    ...(mark !== undefined && { mark }),
    ...(gpus !== undefined && { gpus }),
  };
}

/** Why a process cannot be read: it has ended meanwhile, or belongs to another user. */
const UNREADABLE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1');
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

/** All that one command started: its process group, and whatever carries its tag. */
export interface ProcessTree {
  /** Process group, which is the pid of its first process; absent: only the tag counts. */
  pgid?: number;
  /** Value of `MEDIWATCH_PROCESS_TAG`; `a` covers `a` and `a/…`. */
  tag: string;
}

/** A process of a tree. */
export interface Member extends LivingProcess {
  /** In the group or tagged, and not only started by one that is. */
  own: boolean;
}

/**
 * Picks the processes of some trees from a table: those in the groups, those with the tags (they may have left the
 * group with setsid) or the marks (they may have cleared their environment as well), and all that descend from them.
 *
 * @param seen processes found by an earlier call, which count although their parents are gone since; is added to
 */
export function membersOf(
  table: readonly LivingProcess[],
  trees: readonly ProcessTree[],
  seen = new Set<string>(),
): Member[] {
  const members = new Map<number, Member>();
  const marks = new Set(trees.map(({ tag }) => markOf(tag)));
  const others = table.filter((one) => one.pid !== process.pid);
  for (const one of others) {
    const own = trees.some((tree) => one.pgid === tree.pgid || covers(tree.tag, one.tag));
    const isKnown = seen.has(identity(one)) || (one.mark !== undefined && marks.has(one.mark));
    if (own || isKnown) members.set(one.pid, { ...one, own });
  }
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const one of others) {
      if (!members.has(one.pid) && members.has(one.ppid)) members.set(one.pid, { ...one, own: false });
    }
  }
  for (const member of members.values()) seen.add(identity(member));
  return [...members.values()];
}

function covers(tag: string, candidate: string | undefined): boolean {
  return candidate === tag || candidate?.startsWith(`${tag}/`) === true;
}

function identity({ pid, start }: LivingProcess): string {
  return `${pid} ${start}`;
}

/** Name of a folder for files of this process alone, where several hosts and processes share the folder around it. */
export function ownFolderName(): string {
  return `${hostname()}-${process.pid}`;
}

/**
 * Whether such a folder is of a process of this host that is dead. To be asked before our own is made: until then one
 * with our name is of an earlier process with our id.
 */
export function isFolderOfDead(name: string): boolean {
  const pid = name.startsWith(`${hostname()}-`) ? Number(name.slice(hostname().length + 1)) : Number.NaN;
  return Number.isInteger(pid) && (pid === process.pid || !isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
