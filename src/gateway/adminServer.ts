import type { FastifyInstance } from 'fastify';
import { AdminProblem } from './problems.ts';

/** A page in a browser must not reach this server under a host name of its own that it resolves to our address. */
export function onlyForHosts(app: FastifyInstance, hosts: readonly string[]): void {
  const served = new Set(hosts);
  app.addHook('onRequest', (request, _reply, done) => {
    if (served.has(request.hostname)) done();
    else done(new AdminProblem(403, `Host ${request.hostname} is not served.`, `Call it by ${hosts.join(' or ')}.`));
  });
}

/** Every error is answered with what is wrong and what to do next. */
export function answerProblems(app: FastifyInstance): void {
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
