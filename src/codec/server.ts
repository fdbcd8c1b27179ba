import process from 'node:process';
import type { PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import { sameSecret } from '../systems/signature.ts';
import { peerUser } from './peer.ts';

const { Payloads } = proto.temporal.api.common.v1;

/** A page of the UI asks for the payloads of a whole history at once. */
const BODY_LIMIT = 32 * 2 ** 20;
const REQUEST_LIMIT_MS = 10_000;

interface CodecServerOptions {
  codec: PayloadCodec;
  /** Lets in whoever sends it, such as a reverse proxy; empty: nobody but the user of this process. */
  token: string;
  /** Origins of the Temporal UI. */
  origins: readonly string[];
  /** Names by which this server may be called without the token: others are of web pages. */
  hosts: readonly string[];
}

/** Decrypts for the Temporal UI, in the protocol of Temporal's remote codecs. */
export function createCodecServer({ codec, token, origins, hosts }: CodecServerOptions): FastifyInstance {
  const app = fastify({ bodyLimit: BODY_LIMIT, requestTimeout: REQUEST_LIMIT_MS });

  async function mayRead({ headers, socket }: FastifyRequest): Promise<boolean> {
    const [, given] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    if (given !== undefined) return token !== '' && sameSecret(given, token);
    const own = process.getuid?.();
    return hosts.includes(headers.host ?? '') && own !== undefined && (await peerUser(socket)) === own;
  }

  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (origin !== undefined) {
      if (!origins.includes(origin)) return reply.code(403).send({ error: 'This origin is not temporal.uiUrl.' });
      reply.headers({ 'access-control-allow-origin': origin, vary: 'origin' });
      if (request.method === 'OPTIONS') {
        const asked = request.headers['access-control-request-headers'] ?? '';
        return reply.headers({ 'access-control-allow-methods': 'POST', 'access-control-allow-headers': asked }).send();
      }
    }
    if (request.url === '/health' || (await mayRead(request))) return;
    return reply.code(401).send({ error: REFUSED });
  });
  app.get('/health', () => ({ status: 'ok' }));
  for (const act of ['encode', 'decode'] as const) {
    app.post(`/${act}`, async ({ body }, reply) => {
      try {
        const { payloads } = Payloads.fromObject(body as object);
        return Payloads.toObject(Payloads.create({ payloads: await codec[act](payloads) }), { bytes: String });
      } catch (error) {
        return reply.code(400).send({ error: (error as Error).message });
      }
    });
  }
  return app;
}

const REFUSED =
  'Only the user who runs this server may read, from this host, or whoever has the token of temporal.codecTokenFile.';
