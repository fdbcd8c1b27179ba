import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
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
} from '../contracts/gateway.ts';
import { wrongFieldTexts } from '../words/wrongFields.ts';
import { answerProblems, onlyForHosts } from './adminServer.ts';
import type { ApiProcess } from './apiProcess.ts';
import type { Instances } from './instances.ts';
import { AdminProblem } from './problems.ts';
import type { Routing } from './routing.ts';
import type { Traffic } from './traffic.ts';
import type { Upstreams } from './upstreams.ts';
import { createUpstreamViews } from './upstreamViews.ts';

interface AdminOptions {
  instances: Instances;
  upstreams: Upstreams;
  routing: Routing;
  traffic: Traffic;
  /** Host names by which it may be called. */
  hosts: readonly string[];
  log: Logger;
}

/** Makes the server through which upstreams come, get their share of the traffic, and go; it does not listen yet. */
export function createAdmin({ instances, upstreams, routing, traffic, hosts, log }: AdminOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
  });
  onlyForHosts(app, hosts);
  answerProblems(app);
  const viewOf = createUpstreamViews({ upstreams, routing, traffic });

  const remove = async (key: string, { drainMs, force }: StopQuery) => {
    if (!force && routing.routes().active?.key === key) {
      throw new AdminProblem(409, `${key} answers requests.`, 'Shift the traffic first.');
    }
    const removed = routing.retire(key);
    try {
      if (force) await routing.clear(key);
      await upstreams.remove(key, () => traffic.drained(key, drainMs));
      traffic.forget(key);
    } finally {
      removed();
    }
  };

  app.get('/status', (): Status => {
    const { active, previous, candidate } = routing.routes();
    return {
      active: viewOf(active?.key),
      previous: viewOf(previous),
      candidate: viewOf(candidate?.key),
      requests: traffic.counts(),
    };
  });

  app.get('/upstreams', (): UpstreamList => ({ upstreams: upstreams.keys().flatMap((key) => viewOf(key) ?? []) }));

  app.put('/upstreams/:key', async (request) => {
    const { key } = parse(KeyParams, request.params);
    const spec = parse(ExternalSpec, { ...(request.body as object | null), key });
    await upstreams.put(spec);
    await routing.moved(key);
    return viewOf(key);
  });

  app.post('/traffic', (request) => {
    const { key, share } = parse(TrafficRequest, request.body);
    return routing.shift(key, share);
  });

  app.get('/instances', () => ({ instances: instances.list().map((instance) => instance.view()) }));

  app.get('/instances/:key', async (request) => {
    const { key } = parse(KeyParams, request.params);
    const instance = instances.get(key);
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
