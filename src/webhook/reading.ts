import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DriftDocument, DriftVerdict } from '../contracts/drift.ts';
import { DriftAlert } from '../contracts/steward.ts';
import { alertOf } from '../domain/driftGate.ts';
import { StepError } from '../systems/processes/errors.ts';
import { driftVerdictText } from '../words/verdicts.ts';
import { wrongFieldTexts } from '../words/wrongFields.ts';
import { AlertmanagerMessage, firing, isAlertmanager } from './alertmanager.ts';
import { Refusal } from './problems.ts';

/** What a body says. */
interface Reading {
  alerts: DriftAlert[];
  /** Why there is nothing to raise, or what was passed over. */
  note?: string;
  /** What the gate says, of a report. */
  verdict?: DriftVerdict;
}

export interface ReportReader {
  /** @throws {StepError} of type DriftReportInvalid when it is no report that is known */
  read(text: string): Promise<DriftDocument>;
  judge(document: DriftDocument, registeredModel: string): DriftVerdict;
}

interface Context {
  /** The model that is alerted about. */
  registeredModel: string;
  reports: ReportReader;
  now: Date;
}

/**
 * Tells from its shape what a body is, an alert of ours, Alertmanager's message or a drift report, and which alerts it
 * comes to.
 *
 * @throws {Refusal} 400 when it is none of them, 422 when a report cannot be judged
 */
export async function readBody(text: string, { registeredModel, reports, now }: Context): Promise<Reading> {
  const body = parse(text);
  if (body === undefined || 'metrics' in body || 'schema' in body)
    return await fromReport(text, registeredModel, reports);
  if (isAlertmanager(body)) return fromAlertmanager(body);
  const alert = matching(z.strictObject(DriftAlert.shape), body);
  const source = 'source' in body ? alert.source : 'webhook';
  return { alerts: [{ ...alert, source, key: alert.key ?? keyOf(text, now) }] };
}

/** Python writes NaN into JSON, which is none then: undefined says that the text may be a report with one. */
function parse(text: string): object | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    if (/[:[,]\s*(NaN|-?Infinity)\b/.test(text)) return undefined;
    throw new Refusal(400, 'The body is not JSON.', NEXT);
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw new Refusal(400, 'The body is JSON, but not an object.', NEXT);
}

/**
 * A sender that repeats a delivery means one alert; the same words on another night mean another. A repetition comes
 * within minutes, so the hour is a part of the key.
 */
function keyOf(text: string, now: Date): string {
  const digest = createHash('sha256')
    .update(`${now.toISOString().slice(0, 13)} ${text}`)
    .digest('hex');
  return `body/${digest}`;
}

function fromAlertmanager(body: object): Reading {
  const message = matching(AlertmanagerMessage, body);
  const alerts = firing(message);
  const resolved = message.alerts.length - alerts.length;
  return { alerts, ...(resolved > 0 && { note: `${resolved} resolved and ignored: only what fires is an alert.` }) };
}

async function fromReport(text: string, registeredModel: string, { read, judge }: ReportReader): Promise<Reading> {
  const document = await read(text).catch((error: unknown) => {
    if (!(error instanceof StepError && error.type === 'DriftReportInvalid')) throw error;
    throw new Refusal(400, error.message, NEXT, { cause: error });
  });
  const verdict = judge(document, registeredModel);
  if (verdict.verdict === 'cannot tell') {
    throw new Refusal(
      422,
      driftVerdictText(verdict),
      'Correct driftGate in mediwatch.yaml, or let the report hold what it asks.',
    );
  }
  const drift = verdict.verdict === 'drift';
  const reason = driftVerdictText(verdict);
  return { verdict, alerts: drift ? [alertOf(document, { source: 'webhook', reason })] : [] };
}

const NEXT =
  "Nothing was started. Send an alert ({key?, reason?, source?, report?, share?}), Alertmanager's message of version 4, " +
  'or a drift report of Evidently 0.4 or 0.7.';

function matching<Schema extends z.ZodType>(schema: Schema, body: object): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const wrong = wrongFieldTexts(parsed.error.issues, schema, body, 'the whole');
  throw new Refusal(400, `The body is wrong: ${wrong.slice(0, 5).join('; ')}.`, NEXT);
}
