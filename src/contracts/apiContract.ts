import { z } from 'zod';

/*
 * Where an API that somebody else wrote says what ours says: its version, its state, its predictions. A place is a path
 * into the JSON of an answer (`model.version`, `models[0].id`, `predictions[*].score`) or a header (`header:x-version`).
 */

const STEP = /\.?([\w@-]+)|\[(\d+|\*)\]|\["([^"\]]+)"\]/y;

const place = z
  .string()
  .refine(
    (text) => text === '' || stepsOf(text) !== null,
    'Expected a path such as model.version, predictions[*].score or header:x-version',
  );
/** A section that may be left out: its own defaults fill it. */
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

const Health = section({
  path: z.string().startsWith('/').default('/health').describe('path that says how it does'),
  version: place
    .default('')
    .describe('where its answer has the version; empty: nowhere, the gateway knows what it started'),
  model: place.default('').describe('where it has the registered model; empty: nowhere'),
  status: place.default('').describe('where it says whether it is ready; empty: 200 is enough'),
  ready: z
    .array(z.string())
    .default(['ok', 'ready', 'healthy', 'up', 'running', 'pass', 'true'])
    .describe('what it says there when it is, in small or capital letters'),
});

const Path = z.string().regex(/^(\/.*)?$/, 'Expected a path that begins with /, or an empty text');

const Predict = section({
  path: Path.default('/predict').describe('path that predicts; empty: it is not asked'),
  method: z.enum(['POST', 'PUT', 'GET']).default('POST').describe('how it is asked'),
  request: z
    .union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .default('')
    .describe(
      'a request, as it stands here or in a JSON file relative to mediwatch.yaml; "{records}" and "{record}" in it stand for those of deployment.example; empty: {"records": […]}',
    ),
  predictions: place.default('').describe('where its answer has the predictions; empty: 200 is enough'),
  probability: place
    .default('')
    .describe('where it has the probabilities (0 to 1), which a rollout compares; empty: nowhere'),
  label: place
    .default('')
    .describe(
      'where it has the classes or numbers, which a rollout compares where there is no probability; empty: nowhere',
    ),
  version: place.default('').describe('where it has the version; empty: nowhere'),
});

/** What `deployment.contract` holds. */
export const ApiContract = z.strictObject({
  health: Health,
  predict: Predict,
  schema: section({
    path: Path.default('').describe('path that describes its features as the bundled API does; empty: there is none'),
  }),
});
export type ApiContract = z.output<typeof ApiContract>;

/** The bundled API's, and so that of an API of which nothing else is declared. */
export const OUR_CONTRACT: ApiContract = ApiContract.parse({
  health: { version: 'model_version', model: 'model_name' },
  predict: {
    predictions: 'predictions',
    probability: 'predictions[*].prob',
    label: 'predictions[*].prediction',
    version: 'model_version',
  },
  schema: { path: '/schema' },
});

/** An answer as far as places lead into it. */
export interface Said {
  body: unknown;
  headers?: Partial<Record<string, unknown>>;
}

type Step = string | number | '*';

function stepsOf(text: string): Step[] | null {
  if (/^header:[\w-]+$/.test(text)) return [];
  const steps: Step[] = [];
  const rest = text.replace(/^\$/, '');
  for (STEP.lastIndex = 0; STEP.lastIndex < rest.length; ) {
    const found = STEP.exec(rest);
    if (!found) return null;
    const [, name, index, quoted] = found;
    steps.push(name ?? quoted ?? (index === '*' ? '*' : Number(index)));
  }
  return steps.length > 0 ? steps : null;
}

/** What stands at a place of an answer; undefined: nothing, or the place is empty. With `[*]` in it: a list. */
export function saidAt({ body, headers = {} }: Said, place: string): unknown {
  const [, header] = /^header:(.+)$/.exec(place) ?? [];
  if (header) return headers[header.toLowerCase()];
  return place === '' ? undefined : follow(body, stepsOf(place) ?? []);
}

function follow(value: unknown, [step, ...rest]: readonly Step[]): unknown {
  if (step === undefined) return value;
  if (step === '*') {
    const items = Array.isArray(value) ? value.map((item) => follow(item, rest)) : [];
    return items.length > 0 && items.every((item) => item !== undefined) ? items.flat() : undefined;
  }
  const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
  return isThere ? follow((value as Record<Step, unknown>)[step], rest) : undefined;
}

/** A version as the registry counts it: `3` for 3, "3" and "v3"; undefined for what is none. */
export function versionAt(said: Said, place: string): string | undefined {
  const value = saidAt(said, place);
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return String(value).replace(/^v(?=\d+$)/i, '');
}

/** Why an answer of its health path, with status 200, does not say that it is ready; null: it does. */
export function notReady(said: Said, { status, ready }: ApiContract['health']): string | null {
  if (status === '') return null;
  const value = saidAt(said, status);
  if (value === undefined) return `it says nothing at ${status}`;
  const text = String(value);
  return ready.some((word) => word.toLowerCase() === text.toLowerCase()) ? null : `${status} is ${text.slice(0, 40)}`;
}

/** The probabilities of an answer; none: it has none, or they are not between 0 and 1. */
export function probabilitiesAt(said: Said, place: string): number[] {
  const value = saidAt(said, place);
  const numbers = Array.isArray(value) ? value.flat() : [value];
  const all = numbers.filter((one): one is number => typeof one === 'number' && one >= 0 && one <= 1);
  return all.length === numbers.length ? all : [];
}

/** Names of classes come from the API (characters). */
const LONGEST_LABEL = 200;

/** A probability, a class, or the number of a regression. */
export type Prediction = number | string | { number: number };

/** The probabilities of an answer, or the classes or numbers where it has none. */
export function predictionsAt(said: Said, { probability, label }: ApiContract['predict']): Prediction[] {
  const probabilities = probability === '' ? [] : probabilitiesAt(said, probability);
  if (probabilities.length > 0) return probabilities;
  const value = saidAt(said, label);
  const labels = Array.isArray(value) ? value : [value];
  return labels.flatMap((one): Prediction[] => {
    if (typeof one === 'number' && Number.isFinite(one)) return [{ number: one }];
    return typeof one === 'string' && one.length <= LONGEST_LABEL ? [one] : [];
  });
}

/** The places of an answer at which a value stands that the condition holds for, outermost first. */
export function placesOf({ body, headers = {} }: Said, holds: (value: unknown) => boolean): string[] {
  const named = Object.entries(headers).flatMap(([name, value]) => (holds(value) ? [`header:${name}`] : []));
  const found: Array<{ place: string; depth: number }> = [];
  const look = (value: unknown, place: string, depth: number) => {
    if (place !== '' && holds(value)) found.push({ place, depth });
    if (depth >= MOST_DEEP || typeof value !== 'object' || value === null) return;
    for (const [name, below] of Object.entries(value).slice(0, MOST_WIDE))
      look(below, joined(place, name, value), depth + 1);
  };
  look(body, '', 0);
  return [...found.toSorted((a, b) => a.depth - b.depth).map(({ place }) => place), ...named];
}

/** Answers are looked into as far as a person would (levels, entries of one). */
const [MOST_DEEP, MOST_WIDE] = [5, 50];

function joined(place: string, name: string, around: object): string {
  if (Array.isArray(around)) return `${place}[${name}]`;
  if (!/^[\w@-]+$/.test(name)) return `${place}["${name}"]`;
  return place === '' ? name : `${place}.${name}`;
}
