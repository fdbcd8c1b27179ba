import { Agent } from 'undici';
import { z } from 'zod';
import { createRedactor } from '../../config/redaction.ts';
import { type ApiContract, probabilitiesAt, type Said, saidAt, versionAt } from '../../contracts/apiContract.ts';
import { truncate } from '../../contracts/text.ts';
import { checkHeader } from '../checkSecret.ts';

/** A check was not passed; the message says what was expected and what came. */
export class CheckFailed extends Error {
  override name = 'CheckFailed';
}

/** No answer came; the message says why. */
export class NoAnswer extends CheckFailed {
  override name = 'NoAnswer';
}

export interface Answer extends Said {
  status: number;
  /** Parsed, when it is JSON; text otherwise. */
  body: unknown;
}

interface Question {
  /** Absent: GET, or POST where there is a body. */
  method?: 'GET' | 'POST' | 'PUT';
  body?: unknown;
  /** How long until the whole answer is there (ms). */
  limitMs?: number;
}

/** Requests to one candidate, marked so that they stay out of its prediction log. */
export interface CandidateClient {
  /** @throws {NoAnswer} */
  ask(path: string, question?: Question): Promise<Answer>;
  close(): Promise<void>;
}

const ANSWER_MS = 10_000;
/** The header of a verification keeps it out of the log, not out of the model: a few records say as much as many. */
const MAX_RECORDS = 20;

/** @param secret marks its requests, for an API that knows it */
export function createCandidateClient(url: string, secret: string, signal?: AbortSignal): CandidateClient {
  const mark = checkHeader(secret);
  const agent = new Agent({ connect: { timeout: 2_000 } });
  const origin = url.replace(/\/+$/, '');
  return {
    async ask(path, { body, method = body === undefined ? 'GET' : 'POST', limitMs = ANSWER_MS } = {}) {
      const limit = AbortSignal.timeout(Math.max(1, Math.round(limitMs)));
      try {
        const response = await agent.request({
          origin,
          path: path.startsWith('/') ? path : `/${path}`,
          method,
          headers: { ...mark, ...(body !== undefined && { 'content-type': 'application/json' }) },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: signal ? AbortSignal.any([limit, signal]) : limit,
        });
        const { statusCode: status, headers } = response;
        return { status, headers, body: parseJson(await response.body.text()) };
      } catch (error) {
        signal?.throwIfAborted();
        const why = limit.aborted ? `no answer within ${limitMs / 1_000} s` : (error as Error).message;
        throw new NoAnswer(`${path} gives no answer: ${why}`, { cause: error });
      }
    },
    close: () => agent.destroy(),
  };
}

const Row = z.record(z.string(), z.unknown());
const Schema = z.object({
  features: z.array(z.unknown()).min(1, 'names no feature'),
  /** The body of a prediction, or only its records, or one of them. */
  example: z
    .union([
      z.object({ records: z.array(Row) }).transform(({ records }) => records),
      z.array(Row),
      Row.transform((row) => [row]),
    ])
    .nullish(),
});

/** `GET /schema` describes the features; gives its example records, if any. */
export async function expectSchema(client: CandidateClient, { schema: { path } }: ApiContract) {
  const schema = read(Schema, await client.ask(path), path);
  return { detail: `${schema.features.length} features`, example: schema.example ?? [] };
}

type Records = Array<Record<string, unknown>>;

/** The request of a prediction, and what it asks for. */
export interface PredictionRequest {
  body: unknown;
  /** How many predictions it must bring; null: nobody knows. */
  count: number | null;
  records: Records;
}

/**
 * What is sent for a prediction; null: there is nothing to send.
 *
 * @param template what `deployment.contract.predict.request` holds; undefined: nothing
 */
export function predictionRequest(template: unknown, records: Records): PredictionRequest | null {
  const sent = records.slice(0, MAX_RECORDS);
  if (template === undefined)
    return sent.length > 0 ? { body: { records: sent }, count: sent.length, records: sent } : null;
  const text = JSON.stringify(template);
  if (sent.length === 0 && /"\{records?\}"/.test(text)) return null;
  const count = text.includes('"{records}"') ? sent.length : null;
  return { body: filled(template, sent), count, records: sent };
}

function filled(template: unknown, records: Records): unknown {
  if (template === '{records}') return records;
  if (template === '{record}') return records[0];
  if (Array.isArray(template)) return template.map((item) => filled(item, records));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, filled(value, records)]));
}

interface PredictionCheck {
  contract: ApiContract;
  request: PredictionRequest | null;
  version: string;
  /** How long the answer may take (ms). */
  limitMs: number;
}

/** The API predicts in time and, where its answers say so, once for each record, by the version, between 0 and 1. */
export async function expectPrediction(client: CandidateClient, check: PredictionCheck) {
  const { contract, request, version } = check;
  const { path, predictions: place, probability, version: versionPlace } = contract.predict;
  if (!request) {
    const why = contract.schema.path ? `${contract.schema.path} has no example either` : 'no example is set';
    throw new CheckFailed(
      `there is no record to predict: ${why}; set deployment.example or deployment.contract.predict.request`,
    );
  }
  const answer = await predict(client, check);
  assertOk(answer, path);
  const predictions = place === '' ? undefined : required(answer, path, place, saidAt(answer, place));
  const found = Array.isArray(predictions) ? predictions.length : null;
  if (request.count !== null && found !== null && found !== request.count) {
    throw new CheckFailed(`${path} gave ${found} predictions for ${request.count} records`);
  }
  const served = versionPlace && required(answer, path, versionPlace, versionAt(answer, versionPlace));
  if (served && served !== version) {
    throw new CheckFailed(`${path} was answered by version ${served}, not by version ${version}`);
  }
  const [first] = expectProbabilities(answer, path, probability);
  const others = [saidAt(answer, contract.predict.label), predictions].flatMap((one) =>
    Array.isArray(one) ? one[0] : [],
  );
  const other = others.find((one) => typeof one === 'string' || typeof one === 'number');
  const named = other === undefined ? undefined : `prediction ${other}`;
  const shown = first === undefined ? named : `probability ${first.toFixed(4)}`;
  return { detail: `${found ?? request.count ?? 1} records${shown === undefined ? '' : `, first ${shown}`}` };
}

/** Predictions of some models have none, which is no fault. */
function expectProbabilities(answer: Answer, path: string, place: string): number[] {
  const value = saidAt(answer, place);
  const probabilities = value === undefined ? [] : probabilitiesAt(answer, place);
  if (value === undefined || probabilities.length > 0) return probabilities;
  const values = Array.isArray(value) ? value : [value];
  const wrong = values.findIndex((one) => !(typeof one === 'number' && one >= 0 && one <= 1));
  const where = place.replace('[*]', `[${Math.max(0, wrong)}]`);
  throw new CheckFailed(`the answer of ${path} does not fit: ${where} is no number from 0 to 1`);
}

function required<Value>(answer: Answer, path: string, place: string, value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new CheckFailed(
    `the answer of ${path} does not fit: it has nothing at ${place}: ${quote(shapeOf(answer.body))}`,
  );
}

/** `POST /predict` answers 200, in whatever shape, for an API of which no more is asked. */
export async function expectAnswer(client: CandidateClient, check: PredictionCheck) {
  assertOk(await predict(client, check), check.contract.predict.path);
  return { detail: `it answers 200 for ${check.request?.records.length ?? 0} records` };
}

/** An API that refuses records may repeat them: what was sent is taken out of its answer. */
async function predict(client: CandidateClient, { contract, request, limitMs }: PredictionCheck): Promise<Answer> {
  const { path, method } = contract.predict;
  const sent = method === 'GET' ? {} : { body: request?.body };
  const answer = await client.ask(path, { ...sent, method, limitMs });
  if (isOk(answer)) return answer;
  const cells = createRedactor((request?.records ?? []).flatMap((record) => Object.values(record).map(String)));
  // pydantic has the value in question under this name.
  const text = JSON.stringify(answer.body, (key, value: unknown) => (key === 'input' ? undefined : value));
  return { ...answer, body: cells.text(text) };
}

/** An answer with the kinds of its values in place of them: what was predicted for whom is nobody's affair. */
function shapeOf(body: unknown): unknown {
  if (Array.isArray(body)) return body.slice(0, 1).map(shapeOf);
  if (typeof body !== 'object' || body === null) return typeof body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, shapeOf(value)]));
}

/** A static path of the API answers 200. */
export async function expectStatic(client: CandidateClient, path: string) {
  const { status } = await client.ask(path);
  if (status === 200) return { detail: '200' };
  const hint = status === 404 ? '; were the static files collected?' : '';
  throw new CheckFailed(`${path} answers ${status}, not 200${hint}`);
}

/** An answer as a message shows it. */
export function quote(body: unknown): string {
  const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? 'nothing');
  return truncate(text, 300);
}

function read<Shape extends z.ZodType>(shape: Shape, answer: Answer, path: string): z.output<Shape> {
  assertOk(answer, path);
  const parsed = shape.safeParse(answer.body);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${z.core.toDotPath(path)}: ${message}`);
  throw new CheckFailed(`the answer of ${path} does not fit: ${wrong.join('; ')}`);
}

export const isOk = ({ status }: Pick<Answer, 'status'>) => status >= 200 && status < 300;

function assertOk(answer: Answer, path: string): void {
  if (!isOk(answer)) throw new CheckFailed(`${path} answers ${answer.status}: ${quote(answer.body)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
