import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { ActiveVersion } from './activeVersion.ts';
import type { ApiProcess } from './apiProcess.ts';
import { type Instance, InstanceSpec, KeyParams, type Status, StopQuery, TrafficRequest } from './contract.ts';
import type { Instances } from './instances.ts';
import { AdminProblem } from './problems.ts';
import type { Traffic } from './traffic.ts';

interface AdminOptions {
  instances: Instances;
  active: ActiveVersion;
  traffic: Traffic;
  log: Logger;
}

/** Makes the server through which instances are started, switched to and stopped; it does not listen yet. */
export function createAdmin({ instances, active, traffic, log }: AdminOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
  });
  onlyForLoopback(app);
  answerProblems(app);

  app.get('/status', (): Status => {
    const viewOf = (key: string | null | undefined) => (key && instances.get(key)?.view()) || null;
    return {
      active: viewOf(active.current()?.key),
      previous: viewOf(active.previousKey()),
      requests: traffic.counts(),
    };
  });

  app.get('/instances', () => ({ instances: instances.list().map((instance) => instance.view()) }));

  app.get('/instances/:key', async (request) => {
    const { key } = parse(KeyParams, request.params);
    const instance = instances.get(key);
    if (!instance) throw new AdminProblem(404, `There is no instance ${key}.`, 'Start it with POST /instances.');
    return completeView(instance);
  });

  app.post('/instances', async (request, reply) => {
    const { instance, adopted } = await instances.start(parse(InstanceSpec, request.body));
    return reply.code(adopted ? 200 : 201).send(instance.view());
  });

  app.post('/traffic', (request) => active.switchTo(parse(TrafficRequest, request.body).key));

  app.delete('/instances/:key', async (request, reply) => {
    const { key } = parse(KeyParams, request.params);
    const { drainMs, force } = parse(StopQuery, request.query);
    if (active.current()?.key === key) {
      if (!force) throw new AdminProblem(409, `Instance ${key} answers requests.`, 'Switch the traffic first.');
      await active.clear();
    }
    active.retire(key);
    await instances.stop(key, () => traffic.drained(key, drainMs));
    return reply.code(204).send();
  });
  return app;
}

/** An exit is known a moment before the last lines of the log are. */
async function completeView(instance: ApiProcess): Promise<Instance> {
  if (instance.state() === 'exited') await instance.gone;
  return instance.view();
}

/** A page in a browser must not reach this server under a host name that it resolves to loopback. */
function onlyForLoopback(app: FastifyInstance): void {
  const hosts = new Set(['127.0.0.1', 'localhost', '[::1]']);
  app.addHook('onRequest', (request, _reply, done) => {
    if (hosts.has(request.hostname)) done();
    else done(new AdminProblem(403, `Host ${request.hostname} is not served.`, 'Use 127.0.0.1 as the host.'));
  });
}

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

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(the whole)'}: ${message}`);
  throw new AdminProblem(400, `The request is wrong: ${wrong.join('; ')}.`, 'Nothing was changed. Correct it.');
}
