import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { DriftAlert } from '../../contracts/steward.ts';
import { signedHeaders } from '../../systems/signature.ts';
import { readSecret } from '../../webhook/secret.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { Io } from '../io.ts';

const Accepted = z.object({ model: z.string(), steward: z.string().nullable() });
const Refused = z.object({ error: z.string(), next: z.string().default('') });

const LIMIT_MS = 15_000;

interface Letter {
  /** Base URL of the webhook. */
  url: string;
  /** Absent: the webhook's own default. */
  registeredModel: string | undefined;
  alert: DriftAlert;
}

/**
 * Sends an alert to a webhook, signed now: for machines that do not reach Temporal.
 *
 * @throws {CommandError} when there is no secret, nothing answers, or the webhook refuses, with what it says
 */
export async function postAlert(
  { interrupted }: Io,
  config: Config,
  letter: Letter,
): Promise<z.infer<typeof Accepted>> {
  const secret = await readSecret(config);
  if (!secret) {
    const message = 'There is no secret to sign with: set MEDIWATCH_WEBHOOK_SECRET, or webhook.secretFile.';
    throw new CommandError(EXIT.usage, message);
  }
  const model = letter.registeredModel === undefined ? '' : `/${encodeURIComponent(letter.registeredModel)}`;
  const url = `${letter.url.replace(/\/+$/, '').replace(/\/alerts$/, '')}/alerts${model}`;
  const body = JSON.stringify(letter.alert);
  const post = () => send(url, body, signedHeaders(secret, body, new Date()), interrupted);
  let { status, answer } = await post();
  // Signatures tell seconds: the same words again within one are taken for a replay. The steward knows the key.
  if (status === 409) {
    await delay(1_000);
    ({ status, answer } = await post());
  }
  const accepted = Accepted.safeParse(answer);
  if (status === 202 && accepted.success) return accepted.data;
  const refused = Refused.safeParse(answer).data ?? { error: `It answers ${status}.`, next: '' };
  const message = `The webhook did not take the alert (${status}). ${refused.error} ${refused.next}`.trimEnd();
  throw new CommandError(status === 503 ? EXIT.unreachable : EXIT.failed, message);
}

/** @throws {CommandError} when nothing answers */
async function send(
  url: string,
  body: string,
  headers: Record<string, string>,
  interrupted: AbortSignal,
): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.any([interrupted, AbortSignal.timeout(LIMIT_MS)]),
    redirect: 'error',
  }).catch((error: Error) => {
    if (interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted.', { cause: error });
    const why = error.cause instanceof Error ? error.cause.message : error.message;
    throw new CommandError(EXIT.unreachable, `The webhook does not answer at ${url} (${why}).`, { cause: error });
  });
  const text = await response.text();
  try {
    return { status: response.status, answer: JSON.parse(text) };
  } catch {
    return { status: response.status, answer: null };
  }
}
