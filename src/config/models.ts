import type { z } from 'zod';
import { isMapping, type Path } from '../contracts/schemas.ts';
import { fileName } from '../contracts/text.ts';
import { explain, type PlaceOf, type Problem, problemAt } from './problems.ts';
import { checkTogether } from './rules.ts';
import { type Config, ConfigSchema } from './schema.ts';

/** Sections that are the same for all models of a deployment, and why. */
const SHARED_SECTIONS: Readonly<Record<string, string>> = {
  registry: 'its name is the one under "models"',
  worker: 'one worker serves all models',
  temporal: 'one worker serves all models',
  artifacts: 'all data sets are in one store',
  logs: 'the logs of all models are in one store',
  stack: 'all models share the embedded stack',
  webhook: 'one webhook takes the alerts of all models',
  models: 'models are not nested',
  schedules: 'input.registeredModel of a schedule names the model that it is for',
  notifications: 'a notification names its model',
};

/** The settings of a registered model; those of the whole file for one that `models` does not name. */
export function forModel(config: Config, registeredModel: string): Config {
  const own = Object.hasOwn(config.models, registeredModel) ? config.models[registeredModel] : undefined;
  return own ?? { ...config, registry: { ...config.registry, registeredModel } };
}

/** The registered models of this deployment; the first is the one that is meant when none is named. */
export function modelNames({ models, registry }: Config): string[] {
  const first = registry.registeredModel;
  return [first, ...Object.keys(models).filter((name) => name !== first)];
}

/**
 * Whether the settings name a model. An API, its gateway and its lock belong to a declared model only: without this a
 * typo would be a model with the settings, and so the API, of another.
 */
export function isDeclared(config: Config, registeredModel: string): boolean {
  return modelNames(config).includes(registeredModel);
}

/** The gateway that answers for a model, in one spelling, so that equal ones are found; null: nothing is deployed. */
export function gatewayOf({ deployment }: Config): string | null {
  if (deployment.target === 'none') return null;
  const url = URL.parse(deployment.adminUrl);
  if (url === null) return deployment.adminUrl;
  const host = /^(localhost|127\..*|\[::1\])$/.test(url.hostname) ? '127.0.0.1' : url.hostname;
  const port = url.port === '' ? '' : `:${url.port}`;
  return `${url.protocol}//${host}${port}${url.pathname.replace(/\/+$/, '')}`;
}

/** What `models` says of each model, as it stands in the file; a model without anything of its own is there, too. */
export function ownSettings(settings: Record<string, unknown>): Array<[string, Record<string, unknown>]> {
  if (!isMapping(settings.models)) return [];
  return Object.entries(settings.models).flatMap(([name, own]) => (isMapping(own) ? [[name, own]] : []));
}

/** The settings of one model: its own over those of the file, key by key; a list replaces the whole list. */
export function settingsOfModel(
  settings: Record<string, unknown>,
  name: string,
  own: Record<string, unknown>,
): Record<string, unknown> {
  const { models: _, ...common } = settings;
  const laid = Object.entries(own).map(([section, value]): [string, unknown] => {
    const below = Object.hasOwn(common, section) ? common[section] : undefined;
    return [section, isMapping(value) && isMapping(below) ? { ...below, ...value } : value];
  });
  const merged = { ...common, ...Object.fromEntries(laid), registry: { registeredModel: name } };
  return withOwnFolder(merged, name);
}

/** The latest drift report of each model lies in a folder of its own. */
function withOwnFolder(settings: Record<string, unknown>, name: string): Record<string, unknown> {
  const monitoring = settings.monitoring ?? {};
  if (!isMapping(monitoring) || monitoring.outDir !== undefined) return settings;
  const outDir = `reports/monitoring/${fileName(name)}`;
  return { ...settings, monitoring: { ...monitoring, outDir } };
}

type Issue = z.core.$ZodIssue;

interface ModelSettings {
  name: string;
  /** What `models` says of it. */
  own: Record<string, unknown>;
  /** That, laid over the settings of the file. */
  settings: Record<string, unknown>;
  issues: readonly Issue[];
  placeOf: PlaceOf;
}

/** What is wrong with what `models` says of a model; the rest of its settings is checked where it stands. */
export function modelProblems({ name, own, settings, issues, placeOf }: ModelSettings): Problem[] {
  const prefix = ['models', name];
  const ofItsOwn = issues.flatMap((issue) => ownIssue(issue, own));
  return [
    ...sharedProblems(own, prefix, placeOf),
    ...explain(ofItsOwn, { schema: ConfigSchema, settings, placeOf, prefix }),
    ...checkTogether({ settings: withoutShared(own), placeOf, prefix, merged: settings }),
  ];
}

const isShared = (section: string) => Object.hasOwn(SHARED_SECTIONS, section);

/** An issue of the merged settings, as far as it lies in what the model says itself. */
function ownIssue(issue: Issue, own: Record<string, unknown>): Issue[] {
  const [section, key] = issue.path;
  if (issue.code === 'unrecognized_keys' && issue.path.length < 2) {
    const around = section === undefined ? own : own[String(section)];
    const keys = issue.keys.filter((name) => isMapping(around) && Object.hasOwn(around, name));
    return keys.length > 0 ? [{ ...issue, keys }] : [];
  }
  const value = Object.hasOwn(own, String(section)) ? own[String(section)] : undefined;
  if (value === undefined || isShared(String(section))) return [];
  return !isMapping(value) || key === undefined || Object.hasOwn(value, key) ? [issue] : [];
}

/** Of MLflow only the experiment can differ: one worker has one connection to it. */
const OF_MLFLOW = ['experiment'];

function sharedProblems(own: Record<string, unknown>, prefix: Path, placeOf: PlaceOf): Problem[] {
  const problem = (path: Path, message: string) => problemAt(placeOf, [...prefix, ...path], message, 'key');
  const sections = Object.keys(own).filter(isShared);
  const mlflow = isMapping(own.mlflow) ? Object.keys(own.mlflow).filter((key) => !OF_MLFLOW.includes(key)) : [];
  return [
    ...sections.map((section) => problem([section], `cannot differ between models: ${SHARED_SECTIONS[section]}`)),
    ...mlflow
      .filter((key) => Object.hasOwn(ConfigSchema.shape.mlflow.unwrap().shape, key))
      .map((key) => problem(['mlflow', key], 'cannot differ between models: one MLflow keeps them all')),
  ];
}

function withoutShared(own: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(own).filter(([section]) => !isShared(section)));
}

/** What each model must have for itself, where it is used at all: a name for it, its value, and what to do. */
const OWN: ReadonlyArray<{
  path: Path;
  shared(config: Config): string | null;
  message(value: string, other: string): string;
}> = [
  {
    path: ['deployment', 'adminUrl'],
    shared: gatewayOf,
    message: (value, other) =>
      `a gateway serves one model, and that at ${value} serves ${other}: give this model apiUrl and adminUrl of a ` +
      'gateway of its own, or "target: none"',
  },
  {
    path: ['docker', 'bakedTag'],
    shared: ({ deployment, docker }) =>
      deployment.target === 'docker' && docker.option === 'baked' ? `${docker.image}:${docker.bakedTag}` : null,
    message: (value, other) =>
      `the image ${value} holds the model ${other}: give this model a docker.image or docker.bakedTag of its own`,
  },
  {
    path: ['monitoring', 'outDir'],
    shared: ({ monitoring }) => monitoring.outDir,
    message: (value, other) => `${value} holds the drift reports of ${other}: give this model a folder of its own`,
  },
  {
    path: ['monitoring', 'log'],
    shared: ({ monitoring }) => monitoring.log || null,
    message: (value, other) =>
      `${value} is the prediction log of ${other}: the drift of one would be found in the predictions of the other`,
  },
];

/** Two models share what only one can have: a problem of the later one. */
export function conflictsBetween(models: Readonly<Record<string, Config>>, placeOf: PlaceOf): Problem[] {
  const entries = Object.entries(models);
  return entries.flatMap(([name, config], index) =>
    OWN.flatMap(({ path, shared, message }) => {
      const value = shared(config);
      const other = entries.slice(0, index).find(([, earlier]) => value !== null && shared(earlier) === value);
      if (value === null || !other) return [];
      return [problemAt(placeOf, ['models', name, ...path], message(value, other[0]))];
    }),
  );
}

/** Whether the bundled steps can score the models of a project row by row: they must have trained them. */
export function canScore({ steps: { evaluate, train } }: Config): boolean {
  return !evaluate.command && !evaluate.skip && !train.command;
}
