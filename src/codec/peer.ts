import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';

/** Of a socket that nobody holds any more the kernel says that root has it. */
const ESTABLISHED = '01';
const [LOCAL, REMOTE, STATE, USER] = [1, 2, 3, 7];

/** Id of the user at the other end of a connection over IPv4 on this host; undefined where the kernel does not tell. */
export async function peerUser({ localAddress, localPort, remoteAddress, remotePort }: Socket) {
  const [ours, theirs] = [endpoint(localAddress, localPort), endpoint(remoteAddress, remotePort)];
  const table = await readFile('/proc/self/net/tcp', 'utf8').catch(() => '');
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const row = rows.find((row) => row[LOCAL] === theirs && row[REMOTE] === ours && row[STATE] === ESTABLISHED);
  return row && Number(row[USER]);
}

/** As the kernel writes it: the address in the byte order of the machine. */
function endpoint(address = '', port = 0): string {
  const bytes = Buffer.from(address.split('.').map(Number));
  const hex = (endianness() === 'LE' ? bytes.reverse() : bytes).toString('hex');
  return `${hex}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}
