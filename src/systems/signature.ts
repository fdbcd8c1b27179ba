import { createHmac, timingSafeEqual } from 'node:crypto';

/** Unix time (s) at which a request was signed. */
export const TIMESTAMP_HEADER = 'x-mediwatch-timestamp';
/** `sha256=` and the HMAC-SHA256, in hex, of timestamp, method, path with query, and body, a line feed between them. */
export const SIGNATURE_HEADER = 'x-mediwatch-signature';

/** What is signed of a request. */
export interface Signed {
  method: string;
  /** With the query, as it is sent. */
  path: string;
  body: string | Buffer;
}

/** The signature header of a request. */
export function sign(secret: string, timestamp: string, { method, path, body }: Signed): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}\n${method}\n${path}\n`).update(body).digest('hex')}`;
}

/** The headers with which a body is posted to an address now. */
export function signedHeaders(secret: string, url: string, body: string, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  const { pathname, search } = new URL(url);
  const signature = sign(secret, timestamp, { method: 'POST', path: pathname + search, body });
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: signature };
}

/** Whether two secrets are the same, in a time that tells nothing of where they differ. */
export function sameSecret(given: string, expected: string): boolean {
  // Digests have one length whatever was given, as the comparison needs it.
  const digest = (text: string) => createHmac('sha256', 'comparison').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
