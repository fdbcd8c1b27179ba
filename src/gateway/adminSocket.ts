import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';

/** What `sun_path` holds: 104 bytes on macOS with its final zero, 108 on Linux. */
const LONGEST_PATH = 103;

/**
 * Lets a server listen on a socket that only the user of this process can open, in a folder that only they can enter.
 *
 * @returns its address, `unix:/path`
 * @throws {Error} when the path is too long, or when another gateway listens there
 */
export async function listenOnSocket(app: FastifyInstance, path: string): Promise<string> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new Error(`${path} is too long for a socket (${LONGEST_PATH} bytes). Set stack.dir to a shorter folder.`);
  }
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // One that was there may be open to others.
  chmodSync(folder, 0o700);
  if (await answers(path)) {
    throw new Error(`Another gateway listens on ${path}. Stop that one, or set stack.dir to another folder.`);
  }
  // Left by a gateway that was killed.
  rmSync(path, { force: true });
  await app.listen({ path });
  chmodSync(path, 0o600);
  return `unix:${path}`;
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
