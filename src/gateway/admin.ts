import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerFactory,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import {
  ExternalSpec,
  type Instance,
  InstanceSpec,
  KeyParams,
  type Status,
  StopQuery,
  TrafficRequest,
  type UpstreamList,
  type UpstreamView,
} from '../contracts/gateway.ts';
import { limitClients } from '../systems/clientLimits.ts';
import { sameSecret } from '../systems/signature.ts';
import { createThrottle } from '../systems/throttle.ts';
import { wrongFieldTexts } from '../words/wrongFields.ts';
import type { ApiProcess } from './apiProcess.ts';
import type { DataPlane } from './dataPlane.ts';
import { AdminProblem } from './problem.ts';
import type { Routing } from './routing.ts';
import type { Upstreams } from './upstreams.ts';

/** A sender must be done with its request by then (ms). */
const REQUEST_MS = 10_000;
const LIMITS = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 };
const CLIENTS = { connections: 128, connectionsPerClient: 64, graceMs: REQUEST_MS, minBytesPerSecond: 1_024 };
const BODY_LIMIT_BYTES = 64 * 1_024;

interface AdminOptions {
  upstreams: Upstreams;
  routing: Routing;
  plane: DataPlane;
  /** Whether the settings let it send requests to a server that it did not start. */
  allows(spec: ExternalSpec): boolean;
  /** What a port asks of its callers; absent: it is a socket, which only its owner can open. */
  port?: AdminPort;
  log: Logger;
}

interface AdminPort {
  /** Host names by which it may be called. */
  hosts: readonly string[];
  token: string;
  /** Certificate and key (PEM); absent: plain HTTP. */
  tls?: { cert: string; key: string } | undefined;
}

/** Makes the server through which upstreams come, get their share of the traffic, and go; it does not listen yet. */
export function createAdmin({ upstreams, routing, plane, allows, port, log }: AdminOptions): FastifyInstance {
  const { tls } = port ?? {};
  const serverFactory: FastifyServerFactory = (handler) =>
    tls ? createTlsServer({ ...tls, ...LIMITS, handshakeTimeout: REQUEST_MS }, handler) : createServer(LIMITS, handler);
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory,
  });
  answerProblems(app);
  refuseBrowsers(app);
  if (port) {
    limitClients(app.server, CLIENTS);
    onlyWithToken(app, port);
  }
  const viewOf = (key: string | null | undefined) => viewUpstream({ upstreams, routing, plane }, key);

  const remove = async (key: string, { drainMs, force }: StopQuery) => {
    if (!force && routing.shares().active?.key === key) {
      throw new AdminProblem(409, `${key} answers requests.`, 'Shift the traffic first.');
    }
    const removed = routing.retire(key);
    try {
      if (force) await routing.clear(key);
      await upstreams.remove(key, () => plane.drained(key, drainMs));
      plane.forget(key);
    } finally {
      removed();
    }
  };

  app.get('/status', (): Status => {
    const { active, previous, candidate } = routing.shares();
    return {
      active: viewOf(active?.key),
      previous: viewOf(previous),
      candidate: viewOf(candidate?.key),
      requests: plane.counts(),
    };
  });

  app.get('/upstreams', (): UpstreamList => ({ upstreams: upstreams.keys().flatMap((key) => viewOf(key) ?? []) }));

  app.put('/upstreams/:key', async (request) => {
    const { key } = parse(KeyParams, request.params);
    const spec = parse(ExternalSpec, { ...(request.body as object | null), key });
    if (!allows(spec)) {
      const error = `The settings do not let requests be sent to ${spec.url}.`;
      throw new AdminProblem(403, error, 'Nothing was changed. See docker.network and docker.subnets of the gateway.');
    }
    await upstreams.put(spec);
    await routing.moved(key);
    return viewOf(key);
  });

  app.post('/traffic', (request) => {
    const { key, share } = parse(TrafficRequest, request.body);
    return routing.shift(key, share);
  });

  app.get('/instances', () => ({ instances: upstreams.instances().map((instance) => instance.view()) }));

  app.get('/instances/:key', async (request) => {
    const { key } = parse(KeyParams, request.params);
    const instance = upstreams.instance(key);
    if (!instance) throw new AdminProblem(404, `There is no instance ${key}.`, 'Start it with POST /instances.');
    return completeView(instance);
  });

  app.post('/instances', async (request, reply) => {
    const { instance, adopted } = await upstreams.start(parse(InstanceSpec, request.body));
    return reply.code(adopted ? 200 : 201).send(instance.view());
  });

  for (const path of ['/instances/:key', '/upstreams/:key']) {
    app.delete(path, async (request, reply) => {
      const { key } = parse(KeyParams, request.params);
      await remove(key, parse(StopQuery, request.query));
      return reply.code(204).send();
    });
  }
  return app;
}

/** An exit is known a moment before the last lines of the log are. */
async function completeView(instance: ApiProcess): Promise<Instance> {
  if (instance.state() === 'exited') await instance.gone;
  return instance.view();
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const wrong = wrongFieldTexts(parsed.error.issues, schema, value ?? {}, 'the whole');
  throw new AdminProblem(400, `The request is wrong: ${wrong.join('; ')}.`, 'Nothing was changed. Correct it.');
}

/** What the admin API shows of the upstream with a key; null when there is none. */
function viewUpstream(
  { upstreams, routing, plane }: Pick<AdminOptions, 'upstreams' | 'routing' | 'plane'>,
  key: string | null | undefined,
): UpstreamView | null {
  const spec = key ? upstreams.spec(key) : undefined;
  if (!spec) return null;
  const instance = upstreams.instance(spec.key);
  const reason = instance?.reason();
  const { active, candidate } = routing.shares();
  const isActive = active?.key === spec.key;
  const candidateShare = candidate?.share ?? 0;
  const ownShare = candidate?.key === spec.key ? candidateShare : 0;
  return {
    key: spec.key,
    kind: instance ? 'process' : 'external',
    model: spec.model,
    version: spec.version,
    url: 'url' in spec ? spec.url : (instance?.url ?? ''),
    ...(instance && { state: instance.state() }),
    ...(reason && { reason }),
    active: isActive,
    share: isActive ? 1 - candidateShare : ownShare,
    traffic: plane.statistics(spec.key),
  };
}

/** No page calls this server, and only a page has an origin. */
function refuseBrowsers(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.headers.origin === undefined) done();
    else done(new AdminProblem(403, 'Pages are not served.', 'Nothing was changed. Call it without an Origin.'));
  });
}

/** Nor must a page reach it under a host name of its own that it resolves to our address. */
function onlyWithToken(app: FastifyInstance, { hosts, token }: AdminPort): void {
  const throttle = createThrottle();
  app.addHook('onRequest', async ({ hostname, ip, headers }) => {
    if (!hosts.includes(hostname)) {
      throw new AdminProblem(403, `Host ${hostname} is not served.`, `Call it by ${hosts.join(' or ')}.`);
    }
    if (!(await throttle.admit(ip))) {
      throw new AdminProblem(429, 'Too many wrong tokens came from this address.', 'Try again in a minute.');
    }
    const [, given = ''] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    if (sameSecret(given, token)) return;
    throttle.wrong(ip);
    throw new AdminProblem(
      401,
      'The token is missing or wrong.',
      'It lies on the host of the gateway: see deployment.adminTokenFile.',
    );
  });
}

/** Every error is answered with what is wrong and what to do next. */
function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: `There is no ${request.method} ${request.url}.` });
  });
  app.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error({ err: error }, 'admin request failed');
    const next = error instanceof AdminProblem ? error.next : undefined;
    void reply.code(status).send({ error: error.message, ...(next && { next }) });
  });
}
