import { z } from 'zod';
import { issueTexts } from '../../contracts/schemas.ts';
import { type CandidateAnswer, type CandidateClient, NoAnswer } from './candidateClient.ts';

/** A check was not passed; the message says what was expected and what came. */
export class CheckFailed extends Error {
  override name = 'CheckFailed';
}

const ANSWER_MS = 10_000;
/** The header of a verification keeps it out of the log, not out of the model: a few records say as much as many. */
const MAX_RECORDS = 20;

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

const Prediction = z.object({
  predictions: z.array(z.object({ prob: z.number().min(0).max(1), pred: z.number() })),
  model_version: z.coerce.string(),
  threshold: z.number(),
});

/** `GET /schema` describes the features; gives its example records, if any. */
export async function expectSchema(client: CandidateClient) {
  const answer = await answered(() => client.get('/schema', ANSWER_MS), '/schema');
  const schema = read(Schema, answer, '/schema');
  return { detail: `${schema.features.length} features`, example: schema.example ?? [] };
}

interface PredictionCheck {
  records: Record<string, unknown>[];
  version: string;
  /** How long the answer may take (ms). */
  limitMs: number;
}

/** `POST /predict` gives one probability between 0 and 1 for each record, from the version, in time. */
export async function expectPrediction(client: CandidateClient, { records, version, limitMs }: PredictionCheck) {
  if (records.length === 0) throw new CheckFailed('there is no record to predict: /schema has no example either');
  const sent = records.slice(0, MAX_RECORDS);
  const answer = await answered(() => client.post('/predict', { records: sent }, limitMs), '/predict');
  const { predictions, model_version } = read(Prediction, answer, '/predict');
  if (predictions.length !== sent.length) {
    throw new CheckFailed(`/predict gave ${predictions.length} predictions for ${sent.length} records`);
  }
  if (model_version !== version) {
    throw new CheckFailed(`/predict was answered by version ${model_version}, not by version ${version}`);
  }
  return { detail: `${predictions.length} records, first probability ${predictions[0]?.prob.toFixed(4)}` };
}

/** `POST /predict` answers 200, in whatever shape, for an API with another contract than ours. */
export async function expectAnswer(
  client: CandidateClient,
  { records, limitMs }: Pick<PredictionCheck, 'records' | 'limitMs'>,
) {
  const sent = records.slice(0, MAX_RECORDS);
  const { status, body } = await answered(() => client.post('/predict', { records: sent }, limitMs), '/predict');
  if (status !== 200) throw new CheckFailed(`/predict answers ${status}: ${quote(body)}`);
  return { detail: `it answers 200 for ${sent.length} records` };
}

/** A static path of the API answers 200. */
export async function expectStatic(client: CandidateClient, path: string) {
  const { status } = await answered(() => client.get(path, ANSWER_MS), path);
  if (status === 200) return { detail: '200' };
  const hint = status === 404 ? '; were the static files collected?' : '';
  throw new CheckFailed(`${path} answers ${status}, not 200${hint}`);
}

/** Shows the beginning of an answer. */
export function quote(body: unknown): string {
  const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? 'nothing');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

async function answered(exchange: () => Promise<CandidateAnswer>, path: string): Promise<CandidateAnswer> {
  try {
    return await exchange();
  } catch (error) {
    if (error instanceof NoAnswer) throw new CheckFailed(`${path} gives no answer: ${error.message}`);
    throw error;
  }
}

function read<Shape extends z.ZodType>(shape: Shape, { status, body }: CandidateAnswer, path: string) {
  if (status !== 200) throw new CheckFailed(`${path} answers ${status}: ${quote(body)}`);
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const wrong = issueTexts(parsed.error, 'the whole');
  throw new CheckFailed(`the answer of ${path} is not as it should be: ${wrong.slice(0, 3).join('; ')}`);
}
