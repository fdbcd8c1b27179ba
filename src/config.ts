import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { ConfigSchema } from './config/schema.ts';

/** The checkout's own folder: home of the bundled data, Python package and default `mediwatch.yaml`. */
export const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

export type Config = Omit<z.infer<typeof ConfigSchema>, 'models'> & {
  /** Folder of `mediwatch.yaml`: relative paths in it start here. */
  root: string;
  /** The settings of each model by its registered name: what `models` says laid over the rest. */
  models: Readonly<Record<string, Config>>;
};

/** Sections that are the same for all models of a deployment. */
const SHARED_SECTIONS = ['worker', 'temporal', 'artifacts', 'stack', 'webhook', 'models', 'schedules', 'notifications'];

/** The settings of a registered model; those of the whole file for one that `models` does not name. */
export function forModel(config: Config, registeredModel: string): Config {
  const own = config.models[registeredModel];
  return own ?? { ...config, registry: { ...config.registry, registeredModel } };
}

/** The registered models of this deployment; the first is the one that is meant when none is named. */
export function modelNames({ models, registry }: Config): string[] {
  return Object.keys(models).length > 0 ? Object.keys(models) : [registry.registeredModel];
}

/** Thrown when `mediwatch.yaml` or a `MEDIWATCH_…` variable is wrong; the message names each wrong setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `stack.apiPort` → `MEDIWATCH_STACK_API_PORT`. */
export function variableOf(path: readonly string[]): string {
  return `MEDIWATCH_${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`;
}

/** Variables that other tools already define, used when ours is not set. */
export const KNOWN_VARIABLES: Record<string, string> = {
  'temporal.address': 'TEMPORAL_ADDRESS',
  'temporal.namespace': 'TEMPORAL_NAMESPACE',
  'temporal.apiKey': 'TEMPORAL_API_KEY',
  'mlflow.uri': 'MLFLOW_TRACKING_URI',
  'mlflow.token': 'MLFLOW_TRACKING_TOKEN',
  'mlflow.username': 'MLFLOW_TRACKING_USERNAME',
  'mlflow.password': 'MLFLOW_TRACKING_PASSWORD',
};

/** Every `section.key` of the schema; what a section of free names holds is set in the file only. */
export function settingPaths(): Array<[string, string]> {
  return Object.entries(ConfigSchema.shape).flatMap(([name, value]) => {
    const core: z.ZodType = value.unwrap();
    return core instanceof z.ZodObject ? Object.keys(core.shape).map((key): [string, string] => [name, key]) : [];
  });
}

/**
 * Reads `mediwatch.yaml` (or the file that `MEDIWATCH_CONFIG` names) and lays the environment over it.
 *
 * @param env the environment; `MEDIWATCH_<SECTION>_<KEY>` overrides `section.key`
 * @param cwd folder that is searched for `mediwatch.yaml`; the project's own is used when it has none
 * @throws {ConfigError} naming each wrong setting
 */
export function loadConfig(env: Environment, cwd: string): Config {
  const file = configFile(env, cwd);
  const settings = structuredClone(readYaml(file));
  for (const [name, key] of settingPaths()) {
    const value = env[variableOf([name, key])] ?? env[KNOWN_VARIABLES[`${name}.${key}`] ?? ''];
    if (value === undefined) continue;
    settings[name] = { ...(settings[name] as object | undefined), [key]: value };
  }
  const root = file ? dirname(file) : PROJECT_ROOT;
  const base = parseSettings(settings, file, root);
  const models = Object.fromEntries(
    Object.entries(base.overrides).map(([name, sections]) => [
      name,
      { ...parseSettings(modelSettings(settings, name, sections), file, root).config, models: {} },
    ]),
  );
  const [first] = Object.keys(models);
  if (first !== undefined) base.config.registry.registeredModel = first;
  return { ...base.config, models };
}

interface Parsed {
  config: Config;
  /** The section `models`. */
  overrides: Record<string, Record<string, unknown>>;
}

/** @throws {ConfigError} naming each wrong setting */
function parseSettings(settings: Record<string, unknown>, file: string | undefined, root: string): Parsed {
  const parsed = ConfigSchema.safeParse(settings);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(top level)'}: ${issue.message}`);
    throw new ConfigError(`${file ?? 'The environment'} has settings that cannot be used:\n${wrong.join('\n')}`);
  }
  const { models: overrides, ...sections } = parsed.data;
  return { config: withEmbeddedAddresses({ ...sections, root, models: {} }), overrides };
}

/** The settings of one model: its own sections key by key over those of the file. */
function modelSettings(
  settings: Record<string, unknown>,
  name: string,
  sections: Record<string, unknown>,
): Record<string, unknown> {
  const shared = Object.keys(sections).filter((section) => SHARED_SECTIONS.includes(section));
  if (shared.length > 0) throw new ConfigError(`models.${name}: ${shared.join(', ')} cannot differ between models.`);
  const merged = Object.fromEntries(
    Object.entries(sections).map(([section, own]) => {
      const common = settings[section];
      const lists = Array.isArray(own) || Array.isArray(common);
      return [section, lists ? own : { ...(common as object | undefined), ...(own as object) }];
    }),
  );
  const registry = { ...(settings.registry as object | undefined), ...(merged.registry as object | undefined) };
  return { ...settings, ...merged, registry: { ...registry, registeredModel: name }, models: {} };
}

/** Resolves a path of the configuration against the folder of `mediwatch.yaml`. */
export function fromRoot(config: Config, path: string): string {
  return isAbsolute(path) ? path : resolve(config.root, path);
}

function configFile(env: Environment, cwd: string): string | undefined {
  const named = env.MEDIWATCH_CONFIG;
  if (named) {
    const path = resolve(cwd, named);
    if (!existsSync(path)) throw new ConfigError(`MEDIWATCH_CONFIG names ${path}, which does not exist.`);
    return path;
  }
  return [resolve(cwd, 'mediwatch.yaml'), resolve(PROJECT_ROOT, 'mediwatch.yaml')].find((path) => existsSync(path));
}

function readYaml(file: string | undefined): Record<string, unknown> {
  if (!file) return {};
  try {
    const content: unknown = parse(readFileSync(file, 'utf8'), { prettyErrors: true });
    if (content === null) return {};
    if (typeof content === 'object' && !Array.isArray(content)) return content as Record<string, unknown>;
    throw new ConfigError(`${file} must be a mapping of sections such as "data:" and "search:".`);
  } catch (error) {
    if (error instanceof YAMLParseError) throw new ConfigError(`${file}: ${error.message}`);
    throw error;
  }
}

function withEmbeddedAddresses(config: Config): Config {
  const { stack } = config;
  const embedded = (number: number) => `http://127.0.0.1:${number}`;
  config.temporal.address ||= `127.0.0.1:${stack.temporalPort}`;
  config.temporal.uiUrl ||= embedded(stack.temporalUiPort);
  config.mlflow.uri ||= embedded(stack.mlflowPort);
  config.deployment.apiUrl ||= embedded(stack.apiPort);
  config.deployment.adminUrl ||= embedded(stack.apiAdminPort);
  config.webhook.url ||= embedded(stack.webhookPort);
  return config;
}
