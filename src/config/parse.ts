import { resolve } from 'node:path';
import { z } from 'zod';
import { coreFor, isMapping, isNullable, metaOf } from '../contracts/schemas.ts';
import { didYouMean } from '../words/suggest.ts';
import { withEmbeddedAddresses } from './embedded.ts';
import { type Environment, notificationSecrets, settingPaths } from './environment.ts';
import { withLogin } from './mlflowLogin.ts';
import { conflictsBetween, modelProblems, ownSettings, settingsOfModel } from './models.ts';
import { readNetwork } from './network.ts';
import { explain, type PlaceOf, type Problem, problemAt } from './problems.ts';
import { checkTogether } from './rules.ts';
import { type Config, ConfigSchema } from './schema.ts';
import { overProfile, readProfile } from './temporalProfile.ts';

interface Context {
  root: string;
  /** Of the file's text. */
  digest: string;
  env: Environment;
  placeOf: PlaceOf;
}

/** The settings, if they can be used; and everything that is wrong with them. */
interface ParsedSettings {
  config: Config | undefined;
  problems: Problem[];
}

/** From what was written to what is used: the settings of the file, and of each model. */
export function parseAll(written: Record<string, unknown>, { root, digest, env, placeOf }: Context): ParsedSettings {
  const { profile, problems: profileProblems } = profileOf(written, env, placeOf);
  const base = parse(overProfile(written, profile), { root, digest, env, profile });
  const problems = [
    ...profileProblems,
    ...explain(base.issues, { schema: ConfigSchema, settings: written, placeOf, elsewhere }),
    ...checkTogether({ settings: base.settings, placeOf, prefix: [], merged: base.settings }),
  ];
  const models: Record<string, Config> = {};
  for (const [name, own] of ownSettings(base.settings)) {
    const settings = settingsOfModel(base.settings, name, own);
    const { config, issues } = parse(settings, { root, digest, env, profile });
    problems.push(...modelProblems({ name, own, settings, issues, placeOf }));
    if (config) models[name] = config;
  }
  problems.push(...conflictsBetween(models, placeOf), ...defaultProblems(base.settings, placeOf));
  const { config } = base;
  if (!config || problems.length > 0) return { config: undefined, problems };
  const [first] = Object.keys(models);
  const named = isMapping(base.settings.registry) && base.settings.registry.registeredModel !== undefined;
  if (first !== undefined && !named) config.registry.registeredModel = first;
  return { config: { ...config, models }, problems };
}

function profileOf(written: Record<string, unknown>, env: Environment, placeOf: PlaceOf) {
  try {
    return { profile: readProfile(written, env), problems: [] };
  } catch (error) {
    return { profile: {}, problems: [problemAt(placeOf, ['temporal', 'profile'], (error as Error).message)] };
  }
}

type Around = Pick<Config, 'root' | 'digest' | 'profile'> & { env: Environment };

function parse(written: Record<string, unknown>, { root, digest, env, profile }: Around) {
  const settings = readable(ConfigSchema, written) as Record<string, unknown>;
  const parsed = ConfigSchema.safeParse(settings);
  if (!parsed.success) return { settings, issues: parsed.error.issues, config: undefined };
  const { models: _, ...sections } = parsed.data;
  // Steps and the API run in other folders.
  for (const key of ['caFile', 'clientCertFile'] as const) {
    if (sections.mlflow[key]) sections.mlflow[key] = resolve(root, sections.mlflow[key]);
  }
  const secrets = notificationSecrets(sections.notifications, env);
  const network = readNetwork(env);
  const config = withEmbeddedAddresses({ ...sections, root, digest, models: {}, secrets, profile, network });
  withLogin(config, env);
  return { settings, issues: [], config };
}

/** Of several models, `registry.registeredModel` may name the one that is meant when none is named. */
function defaultProblems({ models, registry }: Record<string, unknown>, placeOf: PlaceOf): Problem[] {
  if (!isMapping(models) || !isMapping(registry) || Object.keys(models).length === 0) return [];
  const [names, name] = [Object.keys(models), registry.registeredModel];
  if (typeof name !== 'string' || names.includes(name)) return [];
  const message = `"${name}" is none of the models: ${names.join(', ')}${didYouMean(name, names)}`;
  return [problemAt(placeOf, ['registry', 'registeredModel'], message)];
}

/** Settings of this name in any section. */
function elsewhere(key: string): string[] {
  return settingPaths()
    .filter(([, name]) => name === key)
    .map((path) => path.join('.'));
}

/**
 * The values as the schema takes them. A text from the environment, or in quotes, becomes the number, truth or list that
 * it stands for; a mapping or list without content counts as absent.
 */
function readable(schema: z.ZodType, value: unknown): unknown {
  const core = coreFor(schema, value);
  if (typeof value === 'string') return fromText(schema, core, value);
  if (core instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item) => readable(core.element as z.ZodType, item));
  }
  if (!isMapping(value)) return value;
  if (core instanceof z.ZodObject) {
    // A key such as `constructor` is a setting only where the schema has it.
    return eachReadable(value, (key) => (Object.hasOwn(core.shape, key) ? core.shape[key] : undefined));
  }
  // What stands under a free name is there, if only by its name.
  if (core instanceof z.ZodRecord) return eachReadable(value, () => core.valueType as z.ZodType, {});
  return value;
}

/** As MLflow and others write them in variables. */
const TRUTHS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function fromText(schema: z.ZodType, core: z.ZodType, text: string): unknown {
  const isBlank = text.trim() === '';
  if (core instanceof z.ZodNumber) return isBlank || Number.isNaN(Number(text)) ? text : Number(text);
  if (core instanceof z.ZodBoolean) return TRUTHS.get(text.toLowerCase()) ?? text;
  if (core instanceof z.ZodString && isNullable(schema)) return isBlank ? null : text;
  if (!metaOf(schema).commas) return text;
  return text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

function eachReadable(
  values: Record<string, unknown>,
  schemaOf: (key: string) => z.ZodType | undefined,
  nothing?: object,
): Record<string, unknown> {
  const entries = Object.entries(values).flatMap(([key, value]) => {
    const schema = schemaOf(key);
    if (!schema) return [[key, value]];
    if (value !== null || !holdsOthers(schema)) return [[key, readable(schema, value)]];
    return nothing ? [[key, nothing]] : [];
  });
  return Object.fromEntries(entries);
}

function holdsOthers(schema: z.ZodType): boolean {
  const core = coreFor(schema, null);
  return core instanceof z.ZodObject || core instanceof z.ZodRecord || core instanceof z.ZodArray;
}
