import type { IncomingHttpHeaders } from 'node:http';
import { SIGNATURE_HEADER, type Signed, sameSecret, sign, TIMESTAMP_HEADER } from '../systems/signature.ts';
import { Refusal } from './problems.ts';
import type { Replays } from './replays.ts';

export interface Credentials {
  /** Signs requests. */
  secret: string;
  /** Bearer token for senders that cannot sign; empty: none is accepted. */
  token: string;
  /** How far the time of a signature may be from now (ms). */
  toleranceMs: number;
}

/** How a request says who sent it. */
type Proof = { kind: 'token' } | { kind: 'signature'; timestamp: string; signature: string };

/** A request with its body. */
interface Received {
  proof: Proof;
  request: Signed;
  credentials: Credentials;
  replays: Replays;
}

const SIGN =
  'Sign timestamp, method, path and body, a line feed between them, with the secret of the webhook, as "mediwatch alert --webhook" does.';

/**
 * What the headers alone tell, before the body is read.
 *
 * @throws {Refusal} 401 when they hold no proof, a wrong token, or a time stamp that is too far from now
 */
export function checkHeaders(headers: IncomingHttpHeaders, credentials: Credentials, now: number): Proof {
  const { token, toleranceMs } = credentials;
  const [, given] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  if (given !== undefined) {
    if (token !== '' && sameSecret(given, token)) return { kind: 'token' };
    throw new Refusal(
      401,
      'The bearer token is wrong.',
      'It is webhook.token, and none is accepted while that is empty.',
    );
  }
  const [timestamp, signature] = [TIMESTAMP_HEADER, SIGNATURE_HEADER].map((name) => headers[name]);
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    throw new Refusal(401, `A signed request has the headers ${TIMESTAMP_HEADER} and ${SIGNATURE_HEADER}.`, SIGN);
  }
  if (Math.abs(now - Number(timestamp) * 1_000) > toleranceMs) {
    const error = `The time stamp is more than ${toleranceMs / 1_000} s from now (webhook.tolerance).`;
    throw new Refusal(401, error, 'Set the clock of the sender, and sign the request again.');
  }
  return { kind: 'signature', timestamp, signature };
}

/**
 * Checks the signature, and accepts a signed request once.
 *
 * @param accept does what the request asks for
 * @throws {Refusal} 401 when the signature is not that of this request, 409 when it was accepted before
 */
export async function acceptOnce<Result extends object>(
  { proof, request, credentials, replays }: Received,
  accept: () => Promise<Result>,
): Promise<Result> {
  if (proof.kind === 'token') return await accept();
  const { timestamp } = proof;
  const expected = sign(credentials.secret, timestamp, request);
  if (!sameSecret(proof.signature.toLowerCase(), expected)) {
    throw new Refusal(401, 'The signature is not that of this time, method, path and body.', SIGN);
  }
  const result = await replays.once(expected, Number(timestamp) * 1_000 + credentials.toleranceMs, accept);
  if (result) return result;
  throw new Refusal(
    409,
    'This request was accepted before.',
    'Nothing is to be done. To send it again, sign it with the time of then.',
  );
}
