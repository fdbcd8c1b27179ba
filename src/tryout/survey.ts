import { ApiContract, OUR_CONTRACT, placesOf, saidAt } from '../contracts/apiContract.ts';
import type { Proposal } from '../contracts/tried.ts';
import { type Answer, type CandidateClient, isOk, predictionRequest } from '../systems/deployment/checks.ts';
import { isVersion } from '../systems/deployment/verify.ts';

interface Asked {
  client: CandidateClient;
  version: string;
  /** Records to predict; none: it is not asked to predict. */
  records: Array<Record<string, unknown>>;
  contract: ApiContract | undefined;
}

const LIMIT_MS = 10_000;
/** No API has more paths that are worth asking. */
const MOST_PATHS = 12;
const HEALTH_PATHS = [
  '/health',
  '/healthz',
  '/ready',
  '/ping',
  '/status',
  '/version',
  '/info',
  '/api/health',
  '/v1/health',
  '/',
];
const PREDICT_PATHS = ['/predict', '/invocations', '/predictions', '/score', '/infer', '/api/predict', '/v1/predict'];
/** What servers of models take, the most common first. */
const REQUESTS: readonly unknown[] = [
  { records: '{records}' },
  { instances: '{records}' },
  { dataframe_records: '{records}' },
  { inputs: '{records}' },
  { data: '{records}' },
  '{records}',
  '{record}',
  { features: '{record}' },
];

/** Asks a running API where its answers have what they say, and what a request to it looks like. */
export async function survey(asked: Asked): Promise<Proposal> {
  const paths = await pathsOf(asked.client);
  const health = await surveyHealth(asked, paths.get);
  const { request, ...predict } = (await surveyPredict(asked, paths.post)) ?? {};
  return {
    ...(Object.keys(health).length > 0 && { health }),
    ...(Object.keys(predict).length > 0 && { predict }),
    ...(request !== undefined && { request }),
  };
}

/** The contract that a proposal stands for; the request is not part of it. */
export function contractOf({ health, predict }: Proposal): ApiContract {
  return ApiContract.parse({ ...(health && { health }), ...(predict && { predict }) });
}

/** What FastAPI and others say of themselves. */
async function pathsOf(client: CandidateClient): Promise<{ get: string[]; post: string[] }> {
  const answer = await quietly(client.ask('/openapi.json', { limitMs: LIMIT_MS }));
  const paths = (answer?.body as { paths?: Record<string, object> } | null)?.paths ?? {};
  const having = (method: string) =>
    Object.keys(paths).filter((path) => !path.includes('{') && method in (paths[path] ?? {}));
  return { get: having('get'), post: having('post') };
}

async function surveyHealth({ client, version, contract }: Asked, others: readonly string[]) {
  const declared = (contract ?? OUR_CONTRACT).health.path;
  let well: string | undefined;
  for (const path of unique([declared, ...HEALTH_PATHS, ...others])) {
    const answer = await quietly(client.ask(path, { limitMs: LIMIT_MS }));
    if (!answer || !isOk(answer)) continue;
    well ??= path;
    const [place] = placesOf(answer, (value) => isVersion(value, version));
    if (place) return { ...atPath(path, '/health'), version: place };
  }
  return well === undefined ? {} : atPath(well, '/health');
}

async function surveyPredict({ client, records, contract }: Asked, others: readonly string[]) {
  const declared = (contract ?? OUR_CONTRACT).predict.path;
  for (const path of unique([declared, ...PREDICT_PATHS, ...others])) {
    for (const template of REQUESTS) {
      const request = predictionRequest(template, records);
      if (!request) return undefined;
      const answer = await quietly(client.ask(path, { body: request.body, limitMs: LIMIT_MS }));
      if (!answer || answer.status === 404 || answer.status === 405) break;
      if (!isOk(answer) || typeof answer.body !== 'object' || hasError(answer)) continue;
      const isUsual = template === REQUESTS[0];
      return {
        ...atPath(path, '/predict'),
        // One record is asked for where nobody knows of how many.
        ...placesIn(answer, request.count ?? 1),
        ...(!isUsual && { request: template }),
      };
    }
  }
  return undefined;
}

const hasError = ({ body }: Answer) =>
  body !== null && Object.keys(body as object).some((name) => /^errors?$/i.test(name));

/** Where the predictions of an answer are, and the probabilities, if they are called so. */
function placesIn(
  answer: Answer,
  count: number,
): Pick<NonNullable<Proposal['predict']>, 'predictions' | 'probability'> {
  const isList = (value: unknown) => Array.isArray(value) && value.length === count && count > 0;
  const lists = placesOf(answer, isList);
  const named = lists.toSorted((a, b) => rank(a) - rank(b));
  const scalars = placesOf(answer, isScalar).filter((place) => rank(place) < 1);
  const [found] = named.length > 0 ? named : scalars;
  const predictions = found && within(answer, found);
  const probabilities = placesOf(answer, isProbability).filter((place) => /prob|score|confidence/i.test(place));
  const [probability] = probabilities.map((place) => place.replace(/\[\d+\]/, '[*]'));
  return { ...(predictions && { predictions }), ...(probability && { probability }) };
}

/** Of a list of objects that have one value each, that value: `quotes[*].eur` of `{"quotes": [{"eur": 1.2}]}`. */
function within(answer: Answer, list: string): string {
  const items = saidAt(answer, list);
  if (!Array.isArray(items)) return list;
  const fields = items.map((item) => (isObject(item) ? Object.entries(item) : []));
  const names = [...new Set(fields.flat().flatMap(([name, value]) => (isScalar(value) ? [name] : [])))];
  const [only, ...others] = names.length === 1 ? names : names.filter((name) => rank(name) < 1);
  const place = only === undefined || others.length > 0 || !/^[\w@-]+$/.test(only) ? list : `${list}[*].${only}`;
  return saidAt(answer, place) === undefined ? list : place;
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const rank = (place: string) => (/pred|result|output|label|class/i.test(place) ? 0 : 1);
const isScalar = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
const isProbability = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;

const atPath = (path: string, usual: string) => (path === usual ? {} : { path });
const unique = (paths: readonly string[]) => [...new Set(paths.filter(Boolean))].slice(0, MOST_PATHS);

/** What does not answer is not there. */
async function quietly(asked: Promise<Answer>): Promise<Answer | undefined> {
  return await asked.catch((error: unknown) => {
    if (error instanceof Error && error.name === 'AbortError') throw error;
    return undefined;
  });
}
