import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/** What clients may take of a server, besides the time limits that Node keeps itself. */
export interface ClientLimits {
  /** Open connections. One more is opened, and of the client with the most the slowest is closed. */
  connections: number;
  /** Of one address. */
  connectionsPerClient: number;
  /** A client that sends or reads may be late by this (ms)… */
  graceMs: number;
  /** …and needs no more time than its bytes take at this rate (bytes a second). */
  minBytesPerSecond: number;
}

/** How often slow clients are looked for (ms). */
const SWEEP_MS = 1_000;

/** A connection. It sends a request, waits for the answer while we work, reads it, and is idle until the next one. */
interface Client {
  socket: Socket;
  address: string;
  phase: 'sends' | 'waits' | 'idle';
  /** Since when it sends, or has not read what is there for it (ms, as `performance.now()`); and its bytes then. */
  since: number;
  bytes: number;
  reads: boolean;
}

/**
 * Closes connections whose clients send or read too slowly, and of too many those that wait longest for their client:
 * never one whose request is worked on. So slow clients take nothing from others, at their own address neither.
 */
export function limitClients(server: Server, limits: ClientLimits): void {
  const { connections, connectionsPerClient, graceMs, minBytesPerSecond } = limits;
  const clients = new Map<Socket, Client>();
  const counts = new Map<string, number>();

  const makeRoom = (newest: Client) => {
    const own = counts.get(newest.address) ?? 0;
    if (own <= connectionsPerClient && clients.size <= connections) return;
    const most = own > connectionsPerClient ? newest.address : mostOf(counts);
    const others = [...clients.values()].filter((client) => client.address === most && client !== newest);
    const slowest = others.find(({ phase }) => phase === 'sends') ?? others.find(({ phase }) => phase === 'idle');
    (slowest ?? newest).socket.destroy();
  };

  // With TLS the requests come on sockets of their own, after the handshake.
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const client: Client = { socket, address, phase: 'sends', since: performance.now(), bytes: 0, reads: false };
    clients.set(socket, client);
    counts.set(address, (counts.get(address) ?? 0) + 1);
    socket.once('close', () => {
      clients.delete(socket);
      const rest = (counts.get(address) ?? 1) - 1;
      if (rest > 0) counts.set(address, rest);
      else counts.delete(address);
    });
    makeRoom(client);
  });

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const client = clients.get(request.socket);
    if (!client) return;
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
    if (length === '0' && coding === undefined) client.phase = 'waits';
    else if (client.phase !== 'sends') sendsNow(client);
    request.once('end', () => {
      if (client.phase === 'sends') client.phase = 'waits';
    });
    response.once('finish', () => {
      client.phase = 'idle';
      client.reads = false;
      client.bytes = client.socket.bytesRead;
    });
  });

  const isLate = (client: Client, bytes: number, now: number) =>
    now - client.since > graceMs + ((bytes - client.bytes) / minBytesPerSecond) * 1_000;

  const sweep = setInterval(() => {
    const now = performance.now();
    for (const client of clients.values()) {
      const { socket, phase } = client;
      if (phase === 'idle' && socket.bytesRead > client.bytes) {
        sendsNow(client);
      }
      if (client.phase === 'sends') {
        if (isLate(client, socket.bytesRead, now)) socket.destroy();
        continue;
      }
      const unread = socket.writableLength;
      const sent = socket.bytesWritten - unread;
      if (unread > 0 && !client.reads) Object.assign(client, { since: now, bytes: sent });
      client.reads = unread > 0;
      if (client.reads && isLate(client, sent, now)) socket.destroy();
    }
  }, SWEEP_MS);
  sweep.unref();
  server.once('close', () => clearInterval(sweep));
}

function sendsNow(client: Client): void {
  Object.assign(client, { phase: 'sends', since: performance.now(), bytes: client.socket.bytesRead, reads: false });
}

function mostOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}
