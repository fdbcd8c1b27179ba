import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream';
import { type ApiContract, type Prediction, predictionsAt } from '../contracts/apiContract.ts';
import { ANSWER_BYTES, BODY_LIMIT_BYTES, SMALL_BODY_BYTES } from './limits.ts';
import { HttpProblem } from './problem.ts';

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

const NAMES_OF_LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * A redirect of an upstream as its clients must see it: one to the upstream itself goes by its path, so that nobody is
 * led past the gateway.
 *
 * @param upstream base URL
 */
export function withoutInnerAddress(headers: IncomingHttpHeaders, upstream: string): IncomingHttpHeaders {
  const own = new URL(upstream);
  const outer = (value: string) => {
    // One without a host leads nowhere else.
    if (!/^([a-z][a-z0-9+.-]*:)?\/\//i.test(value) || !URL.canParse(value, upstream)) return value;
    const to = new URL(value, upstream);
    const isOwn = [own.hostname, ...(NAMES_OF_LOOPBACK.includes(own.hostname) ? NAMES_OF_LOOPBACK : [])].includes(
      to.hostname,
    );
    return isOwn && to.port === own.port ? `${to.pathname}${to.search}${to.hash}` : value;
  };
  const { location, 'content-location': contentLocation } = headers;
  return {
    ...headers,
    ...(location !== undefined && { location: outer(location) }),
    ...(contentLocation !== undefined && { 'content-location': outer(contentLocation) }),
  };
}

/** The client's body is not passed on. */
export class BodyRefused extends HttpProblem {
  override name = 'BodyRefused';
}

/**
 * Reads the client's whole body: no upstream waits for a client.
 *
 * @param hold asked for room for more bytes of a large one
 * @throws {BodyRefused} 413 when it is larger than the limit, 503 when there is no room for it now
 */
export async function wholeBody(source: IncomingMessage, hold: (bytes: number) => boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (Number(source.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  // The connection is still needed for the answer when reading ends early.
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES) throw tooLarge();
    if (bytes > SMALL_BODY_BYTES && !hold(chunk.length)) throw tooMany();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = () =>
  new BodyRefused(
    413,
    `The request body is larger than ${BODY_LIMIT_BYTES / 2 ** 20} MiB.`,
    'send fewer records at once',
  );
const tooMany = () => new BodyRefused(503, 'Too many large requests come in at once.', 'try again in a few seconds');

/** Larger answers are passed on unread (bytes). */
const READ_LIMIT_BYTES = 2 ** 20;

interface Exchange {
  method: string;
  /** Path with its query. */
  url: string;
  status: number;
  /** Headers of the answer. */
  headers: Partial<Record<string, unknown>>;
}

/** Whether an answer holds predictions that can be read as it passes by. */
export function hasPredictions({ method, url, status, headers }: Exchange, predict: ApiContract['predict']): boolean {
  const isJson = /^application\/json\b/i.test(String(headers['content-type'])) && !headers['content-encoding'];
  const isKnown = predict.probability !== '' || predict.label !== '';
  const isAsked = isKnown && method === predict.method && isAt(url, predict.path);
  return isAsked && status === 200 && isJson;
}

/** Whether an address, query included, is that of a path, whether or not it ends with a slash. */
export function isAt(url: string, path: string): boolean {
  const bare = (text: string) => text.replace(/\?.*$/, '').replace(/\/$/, '');
  return bare(url) === bare(path);
}

/** Passes an answer on piece by piece, ahead of a client that reads it slowly. */
export function passAlong(answer: Readable): Readable {
  const passage = new PassThrough({ highWaterMark: ANSWER_BYTES });
  pipeline(answer, passage, () => {});
  return passage;
}

/**
 * Passes an answer on piece by piece, and reads it when all of it has gone by.
 *
 * @param predict where it has them
 * @param onPrediction called with each prediction; an answer of another shape or over 1 MiB has none
 */
export function readInPassing(
  answer: Readable,
  predict: ApiContract['predict'],
  onPrediction: (prediction: Prediction) => void,
): Readable {
  let kept: Buffer[] = [];
  let bytes = 0;
  const passage = new Transform({
    highWaterMark: ANSWER_BYTES,
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= READ_LIMIT_BYTES) kept.push(chunk);
      else kept = [];
      done(null, chunk);
    },
    flush(done) {
      done();
      // The client has its answer before it is looked into.
      if (bytes <= READ_LIMIT_BYTES)
        setImmediate(() => predictionsIn(Buffer.concat(kept), predict).forEach(onPrediction));
    },
  });
  // A cut is seen by whoever reads the passage, which is destroyed with its cause.
  pipeline(answer, passage, () => {});
  return passage;
}

function predictionsIn(body: Buffer, predict: ApiContract['predict']): Prediction[] {
  try {
    return predictionsAt({ body: JSON.parse(body.toString('utf8')) }, predict);
  } catch {
    return [];
  }
}
