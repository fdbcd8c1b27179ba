import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guardUi } from '../../src/stack/uiGuard.ts';
import { freePort } from '../../src/systems/ports.ts';

/** A UI that answers `/`, `/late` when its page is gone, breaks off in the middle of `/half`, and never answers `/never`. */
const ui = createServer(async (request, answer) => {
  if (request.url === '/never') return;
  if (request.url === '/late') await delay(20);
  answer.writeHead(200, { 'content-length': 100 }).write('half');
  if (request.url === '/half') setImmediate(() => request.socket.resetAndDestroy());
  else answer.end('x'.repeat(96));
});
let port: number;
let guard: Awaited<ReturnType<typeof guardUi>>;

beforeAll(async () => {
  await once(ui.listen(0, '127.0.0.1'), 'listening');
  port = await freePort(new Set());
  guard = await guardUi(port, { host: '127.0.0.1', port: (ui.address() as AddressInfo).port });
});
afterAll(async () => {
  await guard.close();
  ui.close();
  ui.closeAllConnections();
});

const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text());

/** Sends a request and goes away, at once or when the answer begins. */
async function leave(path: string, after: 'sent' | 'answered', body = ''): Promise<void> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect');
  const [method, length] = body ? ['POST', 'content-length: 1000\r\n'] : ['GET', ''];
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${length}\r\n${body}`);
  if (after === 'answered') await once(socket, 'data');
  socket.resetAndDestroy();
}

it('pages that go away and a UI that breaks off end nothing but their own requests', async () => {
  for (let round = 0; round < 30; round += 1) {
    await Promise.allSettled([
      leave('/never', 'sent', 'begun'),
      leave('/', 'answered', 'begun'),
      leave('/', 'sent'),
      leave('/late', 'sent'),
      expect(get('/half')).rejects.toThrow(),
    ]);
  }
  expect(await get('/')).toHaveLength(100);
  ui.close();
  ui.closeAllConnections();
  expect(await get('/')).toBe('It does not answer.\n');
});
