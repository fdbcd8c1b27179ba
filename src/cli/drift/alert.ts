import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { z } from 'zod';
import { type Config, forModel } from '../../config.ts';
import type { DriftVerdict } from '../../contracts/drift.ts';
import { DriftAlert } from '../../contracts/steward.ts';
import { alertOf, judgeDrift } from '../../domain/driftGate.ts';
import { raiseAlert } from '../../systems/alerts.ts';
import { signedHeaders } from '../../systems/signature.ts';
import { readSecret } from '../../systems/webhookSecret.ts';
import { temporalLink } from '../../words/links.ts';
import { driftVerdictText } from '../../words/verdicts.ts';
import type { Cli, Io } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { checkedBy, configOf } from '../flags.ts';
import { withSession } from '../session.ts';
import { readReport } from './reports.ts';

/** Temporal has the alert on disk within milliseconds (ms). */
const SIGNAL_LIMIT_MS = 5_000;

/** Raises an alert, directly or by the webhook. */
export async function raise(cli: Cli, flags: AlertFlags): Promise<void> {
  const settings = cli.config();
  const registeredModel = flags.registeredModel ?? settings.registry.registeredModel;
  // The webhook knows its own models.
  const config = flags.webhook === undefined ? configOf(cli, registeredModel) : forModel(settings, registeredModel);
  const { alert, verdict, raised } = await alertFrom(cli, config, flags);
  const about = { key: alert.key, reason: alert.reason, verdict: verdict?.verdict ?? null, exitCode: cli.exitCode };
  if (!raised) {
    cli.emit({ event: 'alert', raised, registeredModel, steward: null, url: null, ...about });
    cli.say(`${verdict ? driftVerdictText(verdict) : 'No drift'}. Nothing was raised.`);
    return;
  }
  const { steward, model } = await retrying(cli.io, () =>
    flags.webhook === undefined
      ? direct(cli, registeredModel, alert)
      : postAlert(cli.io, settings, {
          url: flags.webhook === true ? settings.webhook.url : (flags.webhook as string),
          registeredModel: flags.registeredModel,
          alert,
        }),
  );
  const url = steward === null ? null : temporalLink(settings, steward).url;
  cli.emit({ event: 'alert', raised, registeredModel: model, steward, url, ...about });
  cli.say(`The steward of ${model} has the alert${alert.reason && `: ${alert.reason}`}`);
  if (url) cli.say(`  ${url}`);
  cli.say('"mediwatch steward" shows what it does.');
}

async function direct(cli: Cli, model: string, alert: DriftAlert): Promise<{ model: string; steward: string | null }> {
  return await withSession(cli, async ({ client }) => {
    const raised = () => raiseAlert(client, model, alert);
    return { model, steward: await client.withDeadline(Date.now() + SIGNAL_LIMIT_MS, raised) };
  });
}

/** A server that is restarted is back by then (ms). */
const RETRY_LIMIT_MS = 10_000;
const PAUSE_MS = 500;

/** Sends again while nothing answers, for a while. What is sent carries a key, so it counts once. */
const retrying = <Result>({ interrupted }: Io, send: () => Promise<Result>): Promise<Result> =>
  pRetry(send, {
    ...{ retries: Number.POSITIVE_INFINITY, minTimeout: PAUSE_MS, factor: 1, maxRetryTime: RETRY_LIMIT_MS },
    shouldRetry: ({ error }) =>
      error instanceof CommandError && error.exitCode === EXIT.unreachable && !interrupted.aborted,
  });

const Accepted = z.object({ model: z.string(), steward: z.string().nullable() });
const Refused = z.object({ error: z.string(), next: z.string().default('') });

const POST_LIMIT_MS = 15_000;

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
async function postAlert({ interrupted }: Io, config: Config, letter: Letter): Promise<z.infer<typeof Accepted>> {
  const secret = await readSecret(config);
  if (!secret) {
    const message = 'There is no secret to sign with: set MEDIWATCH_WEBHOOK_SECRET, or webhook.secretFile.';
    throw new CommandError(EXIT.usage, message);
  }
  const model = letter.registeredModel === undefined ? '' : `/${encodeURIComponent(letter.registeredModel)}`;
  const url = `${letter.url.replace(/\/+$/, '').replace(/\/alerts$/, '')}/alerts${model}`;
  const body = JSON.stringify(letter.alert);
  const post = () => send(url, body, signedHeaders(secret, url, body, new Date()), interrupted);
  let { status, answer } = await post();
  // Signatures count seconds: the same body again within one is taken for a replay. The steward knows the key.
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
    signal: AbortSignal.any([interrupted, AbortSignal.timeout(POST_LIMIT_MS)]),
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

export interface AlertFlags {
  reason?: string;
  key?: string;
  source?: string;
  report?: string;
  link?: string;
  share?: number;
  force?: boolean;
  registeredModel?: string;
  /** True: the webhook of the settings. */
  webhook?: true | string;
}

/** An alert, and what the gate says of the report that it comes from; null: it comes from none. */
interface WantedAlert {
  alert: DriftAlert & { key: string };
  verdict: DriftVerdict | null;
  /** Whether it is to be raised. */
  raised: boolean;
}

/**
 * Makes the alert that the flags describe. With a report it is raised only when that is drift, or by force.
 *
 * @throws {CommandError} naming a wrong flag, or saying why a report cannot be judged
 */
async function alertFrom(cli: Cli, config: Config, flags: AlertFlags): Promise<WantedAlert> {
  const { report, link, force } = flags;
  const isLink = report !== undefined && /^https?:\/\//.test(report);
  const said = {
    source: flags.source ?? 'mediwatch alert',
    report: link ?? (isLink ? report : undefined),
    ...(flags.reason !== undefined && { reason: flags.reason }),
    ...(flags.key !== undefined && { key: flags.key }),
    ...(flags.share !== undefined && { share: flags.share }),
  };
  // Each call is an alert of its own, however often it has to be sent.
  if (report === undefined || isLink) {
    return { alert: checked({ key: `command/${randomUUID()}`, ...said }), verdict: null, raised: true };
  }
  const document = await readReport(cli, config, report);
  const verdict = judgeDrift(document, config.driftGate, config.monitoring.minRows);
  if (verdict.verdict === 'cannot tell' && !force) {
    const next = 'Nothing was raised. Correct driftGate in mediwatch.yaml, or raise it with --force.';
    throw new CommandError(EXIT.usage, `${driftVerdictText(verdict)}. ${next}`);
  }
  const alert = checked({ ...alertOf(document, { reason: driftVerdictText(verdict), ...said }), ...said });
  return { alert, verdict, raised: verdict.verdict === 'drift' || force === true };
}

const checked = (alert: z.input<typeof DriftAlert>) =>
  checkedBy(DriftAlert.required({ key: true }), alert, 'Nothing was raised.');
