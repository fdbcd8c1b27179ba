import type { Config } from '../config.ts';
import { didYouMean } from '../words/suggest.ts';
import { conflictsBetween } from './conflicts.ts';
import { type Environment, settingPaths } from './environment.ts';
import { explain } from './explain.ts';
import { modelProblems } from './modelSections.ts';
import { ownSettings, settingsOfModel } from './models.ts';
import { type Path, type Place, type Problem, pathText } from './problems.ts';
import { hostOf } from './reach.ts';
import { checkTogether } from './rules.ts';
import { ConfigSchema } from './schema.ts';
import { notificationSecrets } from './secrets.ts';
import { isMapping, readable } from './values.ts';

interface Context {
  root: string;
  env: Environment;
  placeOf(path: Path, part?: 'key' | 'value'): Place;
}

/** The settings, if they can be used; and everything that is wrong with them. */
interface ParsedSettings {
  config: Config | undefined;
  problems: Problem[];
}

/** From what was written to what is used: the settings of the file, and of each model. */
export function parseAll(written: Record<string, unknown>, { root, env, placeOf }: Context): ParsedSettings {
  const base = parse(written, root, env);
  const problems = [
    ...explain(base.issues, { schema: ConfigSchema, settings: written, placeOf, elsewhere }),
    ...checkTogether({ settings: base.settings, placeOf, prefix: [], merged: base.settings }),
  ];
  const models: Record<string, Config> = {};
  for (const [name, own] of ownSettings(base.settings)) {
    const settings = settingsOfModel(base.settings, name, own);
    const { config, issues } = parse(settings, root, env);
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

function parse(written: Record<string, unknown>, root: string, env: Environment) {
  const settings = readable(ConfigSchema, written) as Record<string, unknown>;
  const parsed = ConfigSchema.safeParse(settings);
  if (!parsed.success) return { settings, issues: parsed.error.issues, config: undefined };
  const { models: _, ...sections } = parsed.data;
  const secrets = notificationSecrets(sections.notifications, env);
  return { settings, issues: [], config: withEmbeddedAddresses({ ...sections, root, models: {}, secrets }) };
}

/** Of several models, `registry.registeredModel` may name the one that is meant when none is named. */
function defaultProblems({ models, registry }: Record<string, unknown>, placeOf: Context['placeOf']): Problem[] {
  if (!isMapping(models) || !isMapping(registry) || Object.keys(models).length === 0) return [];
  const [names, name] = [Object.keys(models), registry.registeredModel];
  if (typeof name !== 'string' || names.includes(name)) return [];
  const path = ['registry', 'registeredModel'];
  const message = `"${name}" is none of the models: ${names.join(', ')}${didYouMean(name, names)}`;
  return [{ ...placeOf(path), path: pathText(path), message }];
}

/** Settings of this name in any section. */
function elsewhere(key: string): string[] {
  return settingPaths()
    .filter(([, name]) => name === key)
    .map((path) => path.join('.'));
}

function withEmbeddedAddresses(config: Config): Config {
  const { stack } = config;
  const loopback = (port: number) => `http://127.0.0.1:${port}`;
  const bound = (port: number) => `http://${hostOf(stack.bind)}:${port}`;
  config.temporal.address ||= `127.0.0.1:${stack.temporalPort}`;
  config.temporal.uiUrl ||= loopback(stack.temporalUiPort);
  config.mlflow.uri ||= loopback(stack.mlflowPort);
  config.deployment.apiUrl ||= bound(stack.apiPort);
  config.deployment.adminUrl ||= bound(stack.apiAdminPort);
  config.webhook.url ||= bound(stack.webhookPort);
  return config;
}
