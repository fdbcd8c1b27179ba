import { randomInt } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';
/** Every address of this host, loopback among them. */
export const EVERYWHERE = '0.0.0.0';
/** Names that a request to loopback may call its host by. */
export const LOOPBACK_NAMES = [LOOPBACK, 'localhost', '[::1]'];

/**
 * Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections: Python takes seconds
 * before it listens, and in that time an outgoing connection could be given the port that was free.
 */
const [FIRST, END] = [20_000, 32_768];
const ATTEMPTS = 50;

/** Finds a loopback port on which nothing listens. Ports in `taken` are passed over. */
export async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, END);
    if (!taken.has(port) && (await listenFault({ port })) === undefined) return port;
  }
  throw new Error(`No free loopback port was found between ${FIRST} and ${END - 1} in ${ATTEMPTS} attempts.`);
}

/** Why nothing could listen there now, as the system calls it (`EADDRINUSE`); undefined: something could. */
export function listenFault({ port, host = LOOPBACK }: { port: number; host?: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => resolve(code));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

interface PortHolder {
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
