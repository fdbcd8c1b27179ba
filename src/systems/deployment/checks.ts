import { Agent } from 'undici';
import { z } from 'zod';
import { createRedactor } from '../../config/redaction.ts';
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

interface Answer {
  status: number;
  /** Parsed, when it is JSON; text otherwise. */
  body: unknown;
}

interface Question {
  /** Sent with POST; absent: GET. */
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
    async ask(path, { body, limitMs = ANSWER_MS } = {}) {
      const limit = AbortSignal.timeout(Math.max(1, Math.round(limitMs)));
      const post = { body: JSON.stringify(body), headers: { ...mark, 'content-type': 'application/json' } };
      try {
        const response = await agent.request({
          origin,
          path: path.startsWith('/') ? path : `/${path}`,
          ...(body === undefined ? { method: 'GET', headers: mark } : { method: 'POST', ...post }),
          signal: signal ? AbortSignal.any([limit, signal]) : limit,
        });
        return { status: response.statusCode, body: parseJson(await response.body.text()) };
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

/** Of a binary target a probability, of others what is predicted. */
const Predicted = z
  .object({
    prob: z.number().min(0).max(1).optional(),
    pred: z.number().optional(),
    prediction: z.union([z.string(), z.number()]).optional(),
  })
  .refine(({ prob, pred, prediction }) => prediction !== undefined || (prob !== undefined && pred !== undefined), {
    message: 'has neither prob and pred nor a prediction',
  });
const Prediction = z
  .object({
    predictions: z.array(Predicted),
    model_version: z.coerce.string(),
    threshold: z.number().optional(),
  })
  .refine(({ predictions, threshold }) => threshold !== undefined || predictions[0]?.prob === undefined, {
    path: ['threshold'],
    message: 'there is none for the probabilities',
  });

/** `GET /schema` describes the features; gives its example records, if any. */
export async function expectSchema(client: CandidateClient) {
  const schema = read(Schema, await client.ask('/schema'), '/schema');
  return { detail: `${schema.features.length} features`, example: schema.example ?? [] };
}

interface PredictionCheck {
  records: Record<string, unknown>[];
  version: string;
  /** How long the answer may take (ms). */
  limitMs: number;
}

/** `POST /predict` gives a probability between 0 and 1, a class or a number for each record, from the version, in time. */
export async function expectPrediction(client: CandidateClient, { records, version, limitMs }: PredictionCheck) {
  if (records.length === 0) throw new CheckFailed('there is no record to predict: /schema has no example either');
  const sent = records.slice(0, MAX_RECORDS);
  const answer = await predict(client, sent, limitMs);
  const { predictions, model_version } = read(Prediction, answer, '/predict');
  if (predictions.length !== sent.length) {
    throw new CheckFailed(`/predict gave ${predictions.length} predictions for ${sent.length} records`);
  }
  if (model_version !== version) {
    throw new CheckFailed(`/predict was answered by version ${model_version}, not by version ${version}`);
  }
  const { prob, prediction } = predictions[0] as z.output<typeof Predicted>;
  const first = prob === undefined ? `prediction ${prediction}` : `probability ${prob.toFixed(4)}`;
  return { detail: `${predictions.length} records, first ${first}` };
}

/** `POST /predict` answers 200, in whatever shape, for an API with another contract than ours. */
export async function expectAnswer(
  client: CandidateClient,
  { records, limitMs }: Pick<PredictionCheck, 'records' | 'limitMs'>,
) {
  const sent = records.slice(0, MAX_RECORDS);
  assertOk(await predict(client, sent, limitMs), '/predict');
  return { detail: `it answers 200 for ${sent.length} records` };
}

/** An API that refuses records may repeat them: what was sent is taken out of its answer. */
async function predict(client: CandidateClient, records: PredictionCheck['records'], limitMs: number): Promise<Answer> {
  const { status, body } = await client.ask('/predict', { body: { records }, limitMs });
  if (status === 200) return { status, body };
  const cells = createRedactor(records.flatMap((record) => Object.values(record).map(String)));
  // pydantic has the value in question under this name.
  const text = JSON.stringify(body, (key, value: unknown) => (key === 'input' ? undefined : value));
  return { status, body: cells.text(text) };
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

function assertOk({ status, body }: Answer, path: string): void {
  if (status !== 200) throw new CheckFailed(`${path} answers ${status}: ${quote(body)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
