import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { ConfigSchema } from './config/schema.ts';

/** The checkout's own folder: home of the bundled data, Python package and default `mediwatch.yaml`. */
export const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

export type Config = z.infer<typeof ConfigSchema> & {
  /** Folder of `mediwatch.yaml`: relative paths in it start here. */
  root: string;
};

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
  const parsed = ConfigSchema.safeParse(settings);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(top level)'}: ${issue.message}`);
    throw new ConfigError(`${file ?? 'The environment'} has settings that cannot be used:\n${wrong.join('\n')}`);
  }
  return withEmbeddedAddresses({ ...parsed.data, root: file ? dirname(file) : PROJECT_ROOT });
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
  return config;
}
