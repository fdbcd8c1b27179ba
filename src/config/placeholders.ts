import type { StepName } from '../contracts/plans.ts';
import { nearest } from '../words/suggest.ts';

/** Steps whose commands have placeholders: those of `steps`, and `extra` for the entries of `extraSteps`. */
export type PlaceholderStep = StepName | 'extra';

/** Every placeholder and what it stands for; `params.NAME` stands for as many as there are parameters. */
export const PLACEHOLDERS = {
  project: 'folder that it runs in: that of mediwatch.yaml, or its copy (isolate)',
  workDir: 'scratch folder of this attempt; it is removed afterwards',
  output: 'empty folder of this attempt, for what it writes',
  data: 'file or folder of data.path',
  dataset: 'folder with what the step prepare made; read only',
  seed: 'seed of the run',
  model: 'kind of model, training.model',
  registeredModel: 'registered model in MLflow',
  experiment: 'MLflow experiment of the runs',
  trackingUri: 'address of MLflow',
  runId: 'MLflow run that was opened for it; of a trial and a training also in MLFLOW_RUN_ID',
  threads: 'cores that it may use',
  'params.NAME': 'the parameter NAME; {params.NAME=0.1} gives a value for a training without a search',
  params: 'as a whole argument: all parameters as --name value; true becomes --name, false and null nothing',
  'params.json': 'all parameters as one JSON object',
  version: 'number of the model version',
  trials: 'trials that were asked for',
  parallel: 'trials that may run at once',
  minRows: 'rows that each window of the drift check must have',
  log: 'prediction log; without monitoring.log, the file predictions.csv of the embedded API',
} as const;
export type Placeholder = keyof typeof PLACEHOLDERS;

/** What stands for a value in the command and the environment of the API; a container has a port of its own. */
export const API_PLACEHOLDERS = ['host', 'port', 'model', 'version', 'runId'] as const;
export type ApiPlaceholder = (typeof API_PLACEHOLDERS)[number];

const EVERYWHERE = [
  'project',
  'workDir',
  'output',
  'seed',
  'model',
  'registeredModel',
  'experiment',
  'trackingUri',
  'threads',
] as const satisfies Placeholder[];
const PARAMS = ['params', 'params.NAME', 'params.json'] as const satisfies Placeholder[];

/** The placeholders that each step has besides those that all have. */
const OF_STEP: Record<PlaceholderStep, readonly Placeholder[]> = {
  prepare: ['data'],
  search: ['data', 'dataset', 'runId', 'trials', 'parallel'],
  suggest: [],
  trial: ['data', 'dataset', 'runId', ...PARAMS],
  train: ['data', 'dataset', 'runId', ...PARAMS],
  evaluate: ['data', 'dataset', 'version'],
  report: ['data', 'dataset', 'runId', 'version'],
  monitor: ['log', 'minRows', 'version'],
  extra: ['data', 'dataset', 'version'],
};

/** The placeholders of a step, in the order of the table. */
export function knownPlaceholders(step: PlaceholderStep): Placeholder[] {
  const known = new Set<Placeholder>([...EVERYWHERE, ...OF_STEP[step]]);
  return (Object.keys(PLACEHOLDERS) as Placeholder[]).filter((name) => known.has(name));
}

/** A piece of a text: as it stands, or a placeholder with its name and perhaps a value for when there is none. */
type Piece = { text: string } | { name: string; otherwise?: string };

/** A text of `mediwatch.yaml` that cannot be read as one with placeholders, or asks for what there is not. */
export class PlaceholderError extends Error {
  override name = 'PlaceholderError';
}

const PIECE = /\{\{|\}\}|\{([\w.-]+)(?:=([^{}]*))?\}|[{}]|[^{}]+/g;

/**
 * Reads a text with placeholders: `--lr={params.lr}`. Braces that stand for themselves are doubled.
 *
 * @throws {PlaceholderError} for a brace that is neither doubled nor part of a placeholder
 */
export function parsePlaceholders(text: string): Piece[] {
  const pieces: Piece[] = [];
  for (const [found, name, otherwise] of text.matchAll(PIECE)) {
    if (name !== undefined) pieces.push(otherwise === undefined ? { name } : { name, otherwise });
    else if (found === '{' || found === '}') {
      throw new PlaceholderError(
        `"${text}" has a lone ${found}; write ${found}${found} for one that stands for itself`,
      );
    } else pieces.push({ text: found === '{{' || found === '}}' ? found.slice(1) : found });
  }
  return pieces;
}

/**
 * What is wrong with the placeholders of a text; empty: nothing.
 *
 * @param options.argument whether the text is an argument of a command, which `{params}` may stand for
 */
export function placeholderProblems(step: PlaceholderStep, text: string, { argument = true } = {}): string[] {
  try {
    return parsePlaceholders(text).flatMap((piece) => {
      if ('text' in piece) return [];
      if (!isKnown(step, piece.name)) return [unknownPlaceholder(step, piece.name)];
      if (piece.name !== 'params' || (argument && text === '{params}')) return [];
      return [`{params} must be an argument of its own; write {params.json} or {params.NAME} in "${text}"`];
    });
  } catch (error) {
    if (error instanceof PlaceholderError) return [error.message];
    throw error;
  }
}

/**
 * What is wrong with the placeholders of a text of the API; empty: nothing.
 *
 * @param known those that it may have
 */
export function apiPlaceholderProblems(text: string, known: readonly ApiPlaceholder[]): string[] {
  try {
    return parsePlaceholders(text).flatMap((piece) => {
      if ('text' in piece || known.some((name) => name === piece.name)) return [];
      return [`unknown placeholder {${piece.name}}; here there are ${list(known)}`];
    });
  } catch (error) {
    if (error instanceof PlaceholderError) return [error.message];
    throw error;
  }
}

/** A text of the API with its placeholders filled. */
export function expandForApi(text: string, values: Partial<Record<string, string>>): string {
  return parsePlaceholders(text)
    .map((piece) => ('text' in piece ? piece.text : (values[piece.name] ?? piece.otherwise ?? '')))
    .join('');
}

/** Whether any of the texts asks for the placeholder. */
export function asksFor(texts: readonly string[], name: Placeholder): boolean {
  return texts.some((text) => parsePlaceholders(text).some((piece) => 'name' in piece && piece.name === name));
}

function isKnown(step: PlaceholderStep, name: string): boolean {
  const known: string[] = knownPlaceholders(step);
  return known.includes(name) || (known.includes('params.NAME') && /^params\../.test(name));
}

function unknownPlaceholder(step: PlaceholderStep, name: string): string {
  const known = knownPlaceholders(step);
  const elsewhere = Object.hasOwn(PLACEHOLDERS, name) || /^params\../.test(name);
  const subject = step === 'extra' ? 'an extra step' : `the step ${step}`;
  if (elsewhere) return `{${name}} has no meaning in ${subject}; it knows ${list(known)}`;
  const meant = suggestion(name, known);
  return `unknown placeholder {${name}}${meant ? `, did you mean {${meant}}?` : `; ${subject} knows ${list(known)}`}`;
}

function suggestion(name: string, known: readonly Placeholder[]): string | undefined {
  const [head = '', ...rest] = name.split('.');
  if (rest.length === 0 || !known.includes('params.NAME')) return nearest(name, known)[0];
  return nearest(head, ['params']).length > 0 ? ['params', ...rest].join('.') : undefined;
}

const list = (names: readonly string[]) => names.map((name) => `{${name}}`).join(', ');

/** A value of a parameter; `null` and `false` leave its argument out. */
export type ParamValue = string | number | boolean | null;

/** What the placeholders of one call stand for; what is absent is not known in this call. */
export interface PlaceholderValues {
  values: { [Name in Exclude<Placeholder, 'params' | 'params.NAME' | 'params.json'>]?: string | number };
  params: Readonly<Record<string, ParamValue>>;
}

/** An array of arguments with its placeholders filled; `{params}` becomes as many as there are parameters. */
export function expandAll(texts: readonly string[], known: PlaceholderValues): string[] {
  return texts.flatMap((text) => (text === '{params}' ? asArguments(known.params) : [expand(text, known)]));
}

/**
 * A text with its placeholders filled.
 *
 * @throws {PlaceholderError} for one that has no value in this call
 */
export function expand(text: string, known: PlaceholderValues): string {
  return parsePlaceholders(text)
    .map((piece) => ('text' in piece ? piece.text : filled(piece.name, piece.otherwise, known)))
    .join('');
}

function filled(name: string, otherwise: string | undefined, { values, params }: PlaceholderValues): string {
  if (name === 'params.json') return JSON.stringify(params);
  const isParameter = name.startsWith('params.');
  const value = isParameter ? paramOf(params, name.slice('params.'.length)) : values[name as keyof typeof values];
  if (value !== undefined) return String(value);
  if (otherwise !== undefined) return otherwise;
  const given = Object.keys(params);
  const why = isParameter
    ? `there is no such parameter; ${given.length > 0 ? `there are ${given.join(', ')}` : `there was no search. {${name}=VALUE} gives one`}`
    : 'it is not known in this call';
  throw new PlaceholderError(`{${name}} cannot be filled: ${why}`);
}

/** Scripts take `--n-estimators` and log `n_estimators`: both are one parameter. */
function paramOf(params: PlaceholderValues['params'], name: string): ParamValue | undefined {
  if (Object.hasOwn(params, name)) return params[name];
  const same = Object.keys(params).find((other) => folded(other) === folded(name));
  return same === undefined ? undefined : params[same];
}

const folded = (name: string) => name.replaceAll('-', '_');

function asArguments(params: PlaceholderValues['params']): string[] {
  return Object.entries(params).flatMap(([name, value]) => {
    if (value === null || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}
