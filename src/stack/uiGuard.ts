import { randomInt } from 'node:crypto';
import replyFrom from '@fastify/reply-from';
import Fastify, { type FastifyRequest } from 'fastify';
import { freePort, LOOPBACK, LOOPBACK_NAMES } from '../systems/ports.ts';

/** Where the Temporal UI itself listens, behind the guard. */
export interface UiAddress {
  host: string;
  port: number;
}

/**
 * An address that no web page can guess: of the 16 million of Linux's loopback. macOS has one, where the port alone must
 * do.
 */
export async function hiddenAddress(): Promise<UiAddress> {
  const part = () => randomInt(1, 255);
  const host = process.platform === 'linux' ? `127.${part()}.${part()}.${part()}` : '127.0.0.1';
  return { host, port: await freePort(new Set()) };
}

/** Whether a request comes by a name of loopback, and from no page of another origin: DNS may lead foreign names here. */
function isOurs({ headers: { host, origin } }: FastifyRequest): boolean {
  return isLoopback(`http://${host}`) && (origin === undefined || isLoopback(origin));
}

function isLoopback(url: string): boolean {
  return LOOPBACK_NAMES.includes(URL.parse(url)?.hostname ?? '');
}

/**
 * Opens the port of the Temporal UI, which answers to any name: passes on what asks for this host by a name of its
 * loopback, and refuses all else.
 */
export async function guardUi(port: number, ui: UiAddress): Promise<{ close(): Promise<void> }> {
  const app = Fastify({ forceCloseConnections: true });
  await app.register(replyFrom, {
    base: `http://${ui.host}:${ui.port}`,
    retryMethods: [],
    disableRequestLogging: true,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    if (isOurs(request)) return;
    const names = `http://127.0.0.1:${port} and http://localhost:${port}`;
    return reply.code(403).send(`The Temporal UI answers to ${names} only.\n`);
  });
  app.all('/*', (request, reply) =>
    reply.from(request.raw.url, {
      // Its own protection against foreign pages compares the name.
      rewriteRequestHeaders: (_, headers) => ({ ...headers, host: request.headers.host }),
      onError: (reply) => reply.code(502).send('It does not answer.\n'),
    }),
  );
  await app.listen({ port, host: LOOPBACK });
  return app;
}
