import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTurns } from '../../src/gateway/limits.ts';
import { createWebhook } from '../../src/webhook/server.ts';
import { closeGateway, openGateway, type TestGateway } from '../gateway/support.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { post, SECRET } from '../webhook/support.ts';

/** How long the slow clients go on; MEDIWATCH_TEST_STARVATION_SECONDS=300 is the promise itself. */
const SECONDS = Number(process.env.MEDIWATCH_TEST_STARVATION_SECONDS ?? 5);
const SLOW_CLIENTS = 300;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openGateway();
  await gateway.serve({ key: 'one', version: '1' });
});
afterAll(() => closeGateway(gateway));

interface Kind {
  /** What it sends at once. */
  begin: string;
  /** What it sends each second. */
  drip: string;
}

/** Clients that take their time, each coming back when it is thrown out. */
function startSlowClients(url: string, count: number, kinds: readonly Kind[]) {
  const port = Number(new URL(url).port);
  const sockets = new Map<Socket, Kind>();
  let [isOver, opened] = [false, 0];
  const open = (kind: Kind) => {
    if (isOver) return;
    opened += 1;
    const socket = connect(port, '127.0.0.1', () => socket.write(kind.begin));
    sockets.set(socket, kind);
    // A slow reader reads nothing.
    socket.pause();
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      setTimeout(open, 100, kind);
    });
  };
  for (let client = 0; client < count; client += 1) open(kinds[client % kinds.length] as Kind);
  const dripping = setInterval(() => {
    for (const [socket, { drip }] of sockets) socket.write(drip);
  }, 1_000);
  return {
    opened: () => opened,
    stop() {
      isOver = true;
      clearInterval(dripping);
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}

const SLOW_HEADERS = { begin: 'POST /predict HTTP/1.1\r\nHost: x\r\nX-A: ', drip: 'x' };
const SLOW_BODY = {
  begin:
    'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"records": [',
  drip: ' ',
};
const SLOW_CHUNKS = {
  begin: 'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  drip: '1\r\n \r\n',
};
const SLOW_READER = { begin: 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n', drip: '\r\n' };

test(
  `${SLOW_CLIENTS} slow clients at the address of the others fail none of their predictions, nor a health check`,
  async () => {
    const slow = startSlowClients(gateway.apiUrl, SLOW_CLIENTS, [SLOW_HEADERS, SLOW_BODY, SLOW_CHUNKS, SLOW_READER]);
    await until(() => slow.opened() >= SLOW_CLIENTS, { timeoutMs: 10_000, what: 'the slow clients' });
    const load = startLoad({ apiUrl: gateway.apiUrl, requestsPerSecond: 20 });
    const ends = performance.now() + SECONDS * 1_000;
    const health: number[] = [];
    while (performance.now() < ends) {
      health.push((await gateway.api('GET', '/health')).status);
      await delay(200);
    }
    const answers = await load.stop();
    slow.stop();
    expect(answers.length).toBeGreaterThan(SECONDS * 5);
    expect(answers.filter(({ failure }) => failure !== null)).toEqual([]);
    expect(new Set(health)).toEqual(new Set([200]));
    expect((await gateway.admin('GET', '/status')).status).toBe(200);
  },
  SECONDS * 1_000 + 60_000,
);

describe('a client', () => {
  const port = () => Number(new URL(gateway.apiUrl).port);
  /** Resolves when the gateway has closed the connection. */
  const closed = ({ begin, drip }: Kind) => {
    const socket = connect(port(), '127.0.0.1', () => socket.write(begin));
    socket.on('error', () => {}).pause();
    const dripping = setInterval(() => socket.write(drip), 500);
    return new Promise<void>((resolve) => socket.once('close', () => resolve())).finally(() => clearInterval(dripping));
  };

  test('that sends or reads byte by byte is thrown out', async () => {
    await Promise.all([SLOW_HEADERS, SLOW_BODY, SLOW_CHUNKS, SLOW_READER].map(closed));
  }, 60_000);

  test('that sends a body gets no upstream before all of it is here', async () => {
    const socket = connect(port(), '127.0.0.1', () => socket.write(SLOW_BODY.begin));
    socket.on('error', () => {});
    const before = (await gateway.admin('GET', '/status')).body;
    await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight > before.requests.inFlight, {
      timeoutMs: 5_000,
      what: 'the request to be here',
    });
    await gateway.run({ key: 'two', version: '2' });
    await gateway.admin('POST', '/traffic', { key: 'two' });
    // It has no visit at the one that served when it came: that one is drained at once.
    expect((await gateway.admin('DELETE', '/instances/one?drainMs=60000')).status).toBe(204);
    socket.destroy();
  });

  test('that opens more connections than it may loses the slowest, and the newest still works', async () => {
    const many = startSlowClients(gateway.apiUrl, 1_100, [SLOW_HEADERS]);
    await until(() => many.opened() >= 1_100, { timeoutMs: 20_000, what: 'the connections' });
    expect((await gateway.api('GET', '/health')).status).toBe(200);
    many.stop();
  }, 60_000);
});

describe('the webhook', () => {
  let app: ReturnType<typeof createWebhook>;
  let url: string;
  beforeAll(async () => {
    app = createWebhook({
      credentials: { secret: SECRET, token: '', toleranceMs: 300_000 },
      models: ['Readmit'],
      bodyLimit: 4_096,
      reports: { read: () => Promise.reject(new Error('no report')), judge: () => expect.fail() },
      raise: async () => 'steward',
      log: pino({ level: 'silent' }),
    });
    url = await app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => app.close());

  test(`takes alerts and answers health checks beside ${SLOW_CLIENTS} slow clients`, async () => {
    const slow = startSlowClients(url, SLOW_CLIENTS, [SLOW_HEADERS]);
    await until(() => slow.opened() >= SLOW_CLIENTS, { timeoutMs: 10_000, what: 'the slow clients' });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await post(url, { reason: 'ages differ' })).status).toBe(202);
    slow.stop();
  });

  test('lets nobody guess fast, and refuses no right signature for it', async () => {
    const guess = () => post(url, {}, { headers: { authorization: 'Bearer guessed' } }).then(({ status }) => status);
    const guesses = await Promise.all(Array.from({ length: 10 }, guess));
    expect(new Set(guesses)).toEqual(new Set([401]));
    const more = await Promise.all(Array.from({ length: 30 }, guess));
    expect(more.filter((status) => status === 429).length).toBeGreaterThanOrEqual(20);
    expect((await post(url, { reason: 'bmi differs' })).status).toBe(202);
  });
});

test('a client that has its share of the upstream waits, and others go past it', async () => {
  const turns = createTurns({ total: 3, perClient: 2 });
  const order: string[] = [];
  const turn = async (client: string) => {
    const end = await turns.turn(client);
    order.push(client);
    return end;
  };
  const [first] = await Promise.all([turn('greedy'), turn('greedy')]);
  const waiting = turn('greedy');
  const end = await turn('other');
  expect(order).toEqual(['greedy', 'greedy', 'other']);
  end();
  end();
  await delay(10);
  expect(order).toHaveLength(3);
  first?.();
  await waiting;
  expect(order).toHaveLength(4);
});
