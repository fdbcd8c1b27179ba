import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortHolder {
  pid: number;
  /** Its command line, cut. */
  command: string;
}

/** State LISTEN in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = '0A';
const COMMAND_LIMIT = 120;

/** The process that listens on the port, where it can be told: on Linux, and of processes that this user may see. */
export async function holderOf(port: number): Promise<PortHolder | undefined> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return undefined;
  const pids = (await list('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsAny(pid, inodes))) continue;
    const command = (await text(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim();
    return { pid: Number(pid), command: command.slice(0, COMMAND_LIMIT) };
  }
  return undefined;
}

/** Columns of proc(5) /proc/net/tcp: number, local address, remote address, state, …, and the inode is the tenth. */
async function listeningInodes(port: number): Promise<Set<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(text));
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  const ours = rows.filter(([, local, , state]) => state === LISTEN && local?.endsWith(suffix));
  return new Set(ours.map((columns) => `socket:[${columns[9]}]`));
}

async function holdsAny(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const names = await list(`/proc/${pid}/fd`);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return targets.some((target) => sockets.has(target));
}

async function list(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function text(path: string): Promise<string> {
  return await readFile(path, 'latin1').catch(() => '');
}
