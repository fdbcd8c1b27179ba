import { randomInt } from 'node:crypto';
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
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free loopback port was found between ${FIRST} and ${END - 1} in ${ATTEMPTS} attempts.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
