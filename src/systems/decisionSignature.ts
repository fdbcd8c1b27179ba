import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { Decision } from '../contracts/approval.ts';

/** What a decision is about. */
interface About {
  workflowId: string;
  registeredModel: string;
  version: string;
}

const signedText = (about: About, { decision, by, reason, at }: Decision) =>
  Buffer.from(
    JSON.stringify([
      'mediwatch decision',
      about.workflowId,
      about.registeredModel,
      about.version,
      decision,
      by,
      reason,
      at,
    ]),
  );

/** @param key private Ed25519 key, as PEM; throws when it is none */
export function signDecision(key: string, about: About, decision: Decision): string {
  return sign(null, signedText(about, decision), createPrivateKey(key)).toString('base64');
}

/** @param key public Ed25519 key, as the base64 of its DER */
export function isSigned(key: string, about: About, decision: Decision): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
  return verify(null, signedText(about, decision), publicKey, Buffer.from(decision.signature ?? '', 'base64'));
}
