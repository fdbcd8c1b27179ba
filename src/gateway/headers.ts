import type { IncomingHttpHeaders } from 'node:http';

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
