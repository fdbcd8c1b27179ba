import type { IncomingMessage } from 'node:http';
import { finished, type Readable } from 'node:stream';
import replyFrom from '@fastify/reply-from';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import type { ApiContract } from '../contracts/apiContract.ts';
import { SERVED_BY } from '../contracts/gateway.ts';
import { limitClients } from '../systems/clientLimits.ts';
import type { DataPlane, Destination, Routes, Unavailable } from './dataPlane.ts';
import { BODIES, CLIENTS, CONNECTIONS, createShares, createTurns, HEALTH_CHECKS, REQUESTS, TIMES } from './limits.ts';
import {
  BodyRefused,
  endToEnd,
  hasPredictions,
  isAt,
  passAlong,
  readInPassing,
  wholeBody,
  withoutInnerAddress,
} from './message.ts';
import { createTraffic, type Traffic, type Visit } from './traffic.ts';

interface ProxyOptions {
  /** How long an upstream may take to begin its answer, and between two pieces of it (ms). */
  requestTimeoutMs: number;
  /** Where the answers of the API have what they say. */
  contract: () => ApiContract;
  log: Logger;
}

/** A destination that can be sent requests. */
interface Upstream extends Pick<Destination, 'key' | 'model' | 'version'> {
  /** Base URL. */
  url: string;
}

const RETRY_AFTER_SECONDS = 2;
/** A request is sent again only when no upstream has seen it, and not forever. */
const ATTEMPTS = 3;
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT']);

/** A data plane in this process: a server that passes every request on to the upstream of the moment. */
export async function createProxy({ requestTimeoutMs, contract, log }: ProxyOptions): Promise<DataPlane> {
  const traffic = createTraffic();
  let routes: Routes = { active: null, candidate: null };
  const [requests, healthChecks] = [createTurns(REQUESTS), createTurns(HEALTH_CHECKS)];
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: TIMES.requestMs,
    http: { headersTimeout: TIMES.headersMs, connectionsCheckingInterval: 1_000 },
    // Until the sockets are closed, a request on an open one is still answered.
    return503OnClosing: false,
    // A client may send the whole address: GET http://host/path.
    rewriteUrl: ({ url = '/' }) => url.replace(/^https?:\/\/[^/?]*(?=\/)/i, ''),
  });
  await app.register(replyFrom, {
    undici: {
      connections: CONNECTIONS,
      connect: { timeout: 2_000 },
      // Shorter than the 5 s after which uvicorn closes an idle connection, or a request could meet that closing.
      keepAliveTimeout: 3_000,
      keepAliveMaxTimeout: 3_000,
    },
    // Left out, a GET that is answered with 503 would be sent ten times more.
    retryMethods: [],
    destroyAgent: true,
    disableCache: true,
    disableRequestLogging: true,
  });
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    // A client that breaks off is no failure of ours.
    if (!error.statusCode && !reply.raw.destroyed) request.log.error({ err: error }, 'request failed in the gateway');
    // What is left of the body would be taken for the next request.
    if (!request.raw.complete) reply.header('connection', 'close');
    const next = error instanceof BodyRefused ? error.next : 'correct the request and send it again';
    refuse(reply, error.statusCode ?? 500, error.message, next);
  });
  limitClients(app.server, CLIENTS);
  countRequests(app, traffic);
  acceptAnyBody(app);

  const forward = (request: FastifyRequest, reply: FastifyReply, upstream: Upstream | Unavailable, attempt: number) => {
    if ('error' in upstream) return refuse(reply, 503, upstream.error, upstream.next);
    request.visit?.leave();
    if (reply.raw.destroyed) return;
    const visit = traffic.enter(upstream.key);
    request.visit = visit;
    const type = request.headers['content-type'];
    reply.from('', {
      ...(Buffer.isBuffer(request.body) && { body: request.body, contentType: type ?? 'application/octet-stream' }),
      getUpstream: () => upstream.url,
      timeout: requestTimeoutMs,
      rewriteRequestHeaders: (_request, headers) => {
        // The name that the client called: ours stands in the header host from here on.
        const passedOn = endToEnd({ ...headers, 'x-forwarded-host': request.headers.host ?? '' });
        const { 'content-length': _, 'content-type': __, ...others } = passedOn;
        return {
          ...others,
          ...(type !== undefined && { 'content-type': type }),
          ...(Buffer.isBuffer(request.body) && { 'content-length': String(request.body.length) }),
        };
      },
      rewriteHeaders: (headers) => ({
        ...withoutInnerAddress(endToEnd(headers), upstream.url),
        ...servedBy(upstream),
      }),
      onResponse: (_request, _reply, { statusCode, stream }) => {
        visit.answered();
        if (statusCode >= 500) visit.failed();
        passOn(reply, stream, visit, contract().predict);
        finished(stream, () => request.endTurn?.());
      },
      onError: (_reply, { error }) => {
        const cause = (error.cause ?? error) as NodeJS.ErrnoException;
        if (!reply.raw.destroyed) visit.failed();
        const unseen = NOT_CONNECTED.has(cause.code ?? '');
        const next = unseen && attempt < ATTEMPTS ? draw(routes, traffic, upstream.url) : upstream;
        if (hasMoved(upstream, next)) return forward(request, reply, next, attempt + 1);
        fail(request, reply, upstream, cause, unseen);
      },
    });
  };
  app.all('/*', async (request, reply) => {
    const isHealthCheck = isAt(request.url, contract().health.path);
    const endTurn = await (isHealthCheck ? healthChecks : requests).turn(request.client);
    if (reply.raw.destroyed) {
      endTurn();
      return reply;
    }
    request.endTurn = endTurn;
    reply.raw.once('close', endTurn);
    forward(request, reply, draw(routes, traffic), 1);
    return reply;
  });
  return {
    listen: (host, port) => app.listen({ host, port }),
    route(to) {
      routes = to;
    },
    ...traffic,
    close: (limitMs) => closeWithin(app, limitMs),
  };
}

/**
 * Draws where a request goes. In a split each upstream stands in for the other: one that is down costs no request, and
 * each request that it should have had counts as failed there, so that the split is judged by it.
 *
 * @param avoid URL that could not be connected to: another one is preferred
 */
function draw(routes: Routes, traffic: Traffic, avoid?: string): Upstream | Unavailable {
  let second: Upstream | undefined;
  for (const { key, model, version, at } of inDrawnOrder(routes)) {
    const upstream = typeof at === 'string' ? { key, model, version, url: at } : undefined;
    if (upstream && upstream.url !== avoid) return upstream;
    if (!upstream && avoid === undefined) missed(traffic, key);
    second ??= upstream;
  }
  if (second) return second;
  const at = routes.active?.at;
  return typeof at === 'object' ? at : { error: 'No model version is deployed.', next: 'run mediwatch retrain' };
}

function inDrawnOrder({ active, candidate }: Routes): Destination[] {
  const others = active ? [active] : [];
  if (!candidate) return others;
  return Math.random() < candidate.share ? [candidate, ...others] : [...others, candidate];
}

function servedBy({ model, version }: Upstream): Record<string, string> {
  return { [SERVED_BY.model]: encodeURIComponent(model), [SERVED_BY.version]: version };
}

function missed(traffic: Traffic, key: string): void {
  const visit = traffic.enter(key);
  visit.failed();
  visit.leave();
}

/** Sends the answer as it comes; what it predicts is read in passing. */
function passOn(reply: FastifyReply, answer: Readable, visit: Visit, predict: ApiContract['predict']): void {
  finished(answer, (error) => {
    // When the client is gone, the answer is cut off by us.
    if (error && !reply.raw.destroyed) visit.failed();
  });
  if (reply.statusCode === 304) {
    // Its content-length is that of the answer which it spares.
    answer.resume();
    void reply.removeHeader('content-length').send();
    return;
  }
  const { method, url = '/' } = reply.request.raw;
  const exchange = { method: method ?? '', url, status: reply.statusCode, headers: reply.getHeaders() };
  const isRead = hasPredictions(exchange, predict);
  void reply.send(isRead ? readInPassing(answer, predict, visit.predicted) : passAlong(answer));
}

function hasMoved(from: Upstream, to: Upstream | Unavailable): boolean {
  return 'error' in to || to.url !== from.url;
}

function fail(request: FastifyRequest, reply: FastifyReply, upstream: Upstream, cause: Error, unseen: boolean): void {
  // What is left of the body would be taken for the next request.
  if (!request.raw.complete) reply.header('connection', 'close');
  const { code } = cause as NodeJS.ErrnoException;
  const who = `Version ${upstream.version}`;
  if (unseen) {
    refuse(reply, 503, `${who} cannot be reached (${code}).`, 'try again in a few seconds');
  } else if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    refuse(reply, 504, `${who} did not answer in time.`, 'send fewer records at once, or look at the log of the API');
  } else {
    refuse(reply, 502, `${who} closed the connection without an answer: ${cause.message}.`, 'send the request again');
  }
}

function refuse(reply: FastifyReply, status: number, error: string, next: string): void {
  if (status === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply.code(status).send({ error, next });
}

declare module 'fastify' {
  interface FastifyRequest {
    /** At the upstream that it went to last. */
    visit: Visit | null;
    /** Its upstream is done with it: another request may go there. */
    endTurn: (() => void) | null;
    /** Address of its client, which a closed socket no longer has. */
    client: string;
    /** Bytes of its body that are counted. */
    held: number;
  }
}

function countRequests(app: FastifyInstance, traffic: Traffic): void {
  app.decorateRequest('visit', null);
  app.decorateRequest('endTurn', null);
  app.decorateRequest('client', '');
  app.decorateRequest('held', 0);
  app.addHook('onRequest', (request, reply, done) => {
    const end = traffic.begin();
    reply.raw.once('close', () => {
      request.visit?.leave();
      end({ failed: reply.raw.statusCode >= 500 || !reply.raw.writableFinished });
    });
    done();
  });
}

/** Bodies are passed on as they came, whatever their type, once all of them is here. */
function acceptAnyBody(app: FastifyInstance): void {
  const bodies = createShares(BODIES);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    wholeBody(payload, (bytes) => {
      if (!bodies.take(request.client, bytes)) return false;
      request.held += bytes;
      return true;
    }),
  );
  app.addHook('onRequest', (request, reply, done) => {
    request.client = request.ip;
    reply.raw.once('close', () => bodies.give(request.client, request.held));
    done();
  });
}

/** Closes a server; requests that are open after the limit (ms) are cut off. */
export async function closeWithin(app: FastifyInstance, limitMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), limitMs);
  // A connection that was in use when closing began is kept open by Node, waiting for a next request.
  const tidy = setInterval(() => app.server.closeIdleConnections(), 50);
  await app.close();
  clearTimeout(cut);
  clearInterval(tidy);
}
