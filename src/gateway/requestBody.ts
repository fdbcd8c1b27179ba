import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

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
