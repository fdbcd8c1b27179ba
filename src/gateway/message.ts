import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { pipeline, Readable, Transform } from 'node:stream';
import { z } from 'zod';

/** Headers of one connection, not of the message (RFC 9110, section 7.6.1); reply-from leaves these to us. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
/** Node has answered it by the time that the body is read; undici refuses to send it. */
const ANSWERED_HERE = ['expect'];

/** Copies headers without those that must not be passed on. */
export function endToEnd<Headers extends IncomingHttpHeaders>(headers: Headers): Headers {
  const copy = { ...headers };
  for (const name of [...HOP_BY_HOP, ...ANSWERED_HERE]) delete copy[name];
  return copy;
}

/** The client's body is larger than the gateway passes on. */
export class BodyTooLarge extends Error {
  override name = 'BodyTooLarge';
  readonly statusCode = 413;

  /** @param limitBytes the largest body that is passed on */
  constructor(limitBytes: number) {
    super(`The request body is larger than ${Math.floor(limitBytes / 2 ** 20)} MiB.`);
  }
}

/**
 * The client's body as a stream that takes nothing from the connection until it is read: an upstream that cannot be
 * connected to destroys this stream, and the untouched body goes to another one in a new stream.
 */
export function untouchedBody(source: IncomingMessage, limitBytes: number): Readable {
  const body = Readable.from(chunksOf(source, limitBytes), { objectMode: false });
  // Whoever reads it hears of errors; when nobody does any more, they concern nobody.
  body.on('error', () => {});
  return body;
}

async function* chunksOf(source: IncomingMessage, limitBytes: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  // The connection is still needed for the answer when reading ends early.
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new BodyTooLarge(limitBytes);
    yield chunk;
  }
}

/** Larger answers are passed on unread (bytes). */
const READ_LIMIT_BYTES = 2 ** 20;

const Answer = z.object({ predictions: z.array(z.object({ prob: z.number().min(0).max(1) })) });

interface Exchange {
  method: string;
  /** Path with its query. */
  url: string;
  status: number;
  /** Headers of the answer. */
  headers: Partial<Record<string, unknown>>;
}

/** Whether an answer holds predictions that can be read as it passes by. */
export function hasPredictions({ method, url, status, headers }: Exchange): boolean {
  const isJson = /^application\/json\b/i.test(String(headers['content-type'])) && !headers['content-encoding'];
  return method === 'POST' && status === 200 && isJson && /^\/predict\/?(\?|$)/.test(url);
}

/**
 * Passes an answer on piece by piece, and reads it when all of it has gone by.
 *
 * @param onProbability told each predicted probability (0 to 1); an answer of another shape or over 1 MiB tells none
 */
export function readInPassing(answer: Readable, onProbability: (probability: number) => void): Readable {
  let kept: Buffer[] = [];
  let bytes = 0;
  const passage = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= READ_LIMIT_BYTES) kept.push(chunk);
      else kept = [];
      done(null, chunk);
    },
    flush(done) {
      done();
      // The client has its answer before it is looked into.
      if (bytes <= READ_LIMIT_BYTES) setImmediate(() => probabilitiesIn(Buffer.concat(kept)).forEach(onProbability));
    },
  });
  // A cut is seen by whoever reads the passage, which is destroyed with its cause.
  pipeline(answer, passage, () => {});
  return passage;
}

function probabilitiesIn(body: Buffer): number[] {
  try {
    const answer = Answer.safeParse(JSON.parse(body.toString('utf8')));
    return answer.success ? answer.data.predictions.map(({ prob }) => prob) : [];
  } catch {
    return [];
  }
}
