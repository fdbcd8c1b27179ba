import { createHmac, timingSafeEqual } from 'node:crypto';

/** Unix time (s) at which a request was signed. */
export const TIMESTAMP_HEADER = 'x-mediwatch-timestamp';
/** `sha256=` and the HMAC-SHA256, in hex, of the timestamp, a dot, and the body as it is sent. */
export const SIGNATURE_HEADER = 'x-mediwatch-signature';

/** The signature header of a body. */
export function sign(secret: string, timestamp: string, body: string | Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

/** The headers with which a body is sent now. */
export function signedHeaders(secret: string, body: string, now: Date): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: sign(secret, timestamp, body) };
}

/** Whether two secrets are the same, in a time that tells nothing of where they differ. */
export function sameSecret(given: string, expected: string): boolean {
  // Digests have one length whatever was given, as the comparison needs it.
  const digest = (text: string) => createHmac('sha256', 'comparison').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
