import { z } from 'zod';
import type { NotificationTarget } from '../contracts/notifications.ts';
import { coreOf, isMapping, isNullable, metaOf, type Path } from '../contracts/schemas.ts';
import { didYouMean, nearest } from '../words/suggest.ts';
import { type Place, type Problem, placeless } from './problems.ts';
import { ConfigSchema } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `stack.apiPort` → `MEDIWATCH_STACK_API_PORT`. */
export function variableOf(path: readonly string[]): string {
  return `${PREFIX}${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`;
}

const PREFIX = 'MEDIWATCH_';
/** Variables of ours that are no settings: they choose the file, are handed to steps, or guide set-up and tests. */
const NO_SETTINGS = [
  'CONFIG',
  'STEP',
  'INPUT',
  'RESULT',
  'SETUP_PYTHON',
  'TEST_PYTHON',
  'SECRETS_DIR',
  'PROCESS_TAG',
  'GPUS',
];

/** Variables that other tools already define, used when ours is not set. */
export const KNOWN_VARIABLES: Record<string, string> = {
  'temporal.address': 'TEMPORAL_ADDRESS',
  'temporal.namespace': 'TEMPORAL_NAMESPACE',
  'temporal.apiKey': 'TEMPORAL_API_KEY',
  'temporal.profile': 'TEMPORAL_PROFILE',
  'mlflow.uri': 'MLFLOW_TRACKING_URI',
  'mlflow.caFile': 'MLFLOW_TRACKING_SERVER_CERT_PATH',
  'mlflow.clientCertFile': 'MLFLOW_TRACKING_CLIENT_CERT_PATH',
  'mlflow.insecureTls': 'MLFLOW_TRACKING_INSECURE_TLS',
  'mlflow.timeout': 'MLFLOW_HTTP_REQUEST_TIMEOUT',
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

/** Whether a variable can hold the setting: one value, or a list separated by commas. */
export function takesVariable(section: string, key: string): boolean {
  const schema = schemaOf(section, key);
  const core = coreOf(schema);
  if (core instanceof z.ZodArray) return metaOf(schema).commas === true;
  return !(core instanceof z.ZodObject || core instanceof z.ZodRecord);
}

function schemaOf(section: string, key: string): z.ZodType {
  const around = coreOf((ConfigSchema.shape as Record<string, z.ZodType>)[section] as z.ZodType) as z.ZodObject;
  return around.shape[key] as z.ZodType;
}

interface Layered {
  settings: Record<string, unknown>;
  /** Where a setting comes from that a variable gave; undefined for all others. */
  placeOf(path: Path): Place | undefined;
  problems: Problem[];
}

/** Lays the environment over the settings of the file: a variable goes before the file. */
export function layEnvironment(settings: Record<string, unknown>, env: Environment): Layered {
  const layered = { ...settings };
  const variables = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [section, key] of settingPaths()) {
    const setting = `${section}.${key}`;
    const variable = [variableOf([section, key]), KNOWN_VARIABLES[setting]].find(
      (name) => name && env[name] !== undefined,
    );
    if (!variable) continue;
    const place = { ...placeless(null), variable };
    if (!takesVariable(section, key)) {
      const message = 'holds more than one value: set it in mediwatch.yaml';
      problems.push({ ...place, path: setting, message });
      continue;
    }
    const others = layered[section] ?? {};
    // A section that is no mapping is a problem of its own.
    if (!isMapping(others)) continue;
    const text = env[variable];
    const value = text === 'null' && isNullable(schemaOf(section, key)) ? null : text;
    layered[section] = { ...others, [key]: value };
    variables.set(setting, variable);
  }
  return {
    settings: layered,
    problems,
    placeOf: ([section, key]) => {
      const variable = variables.get(`${String(section)}.${String(key)}`);
      return variable === undefined ? undefined : { ...placeless(null), variable };
    },
  };
}

/**
 * Variables that look like settings and are none, each with what it may have meant. They are no error: a later release
 * may know them, and whoever sets them may not be who reads this.
 *
 * @param named variables that the settings themselves name, such as that of a secret
 */
export function unknownVariables(env: Environment, named: readonly string[] = []): Problem[] {
  const known = settingPaths().map((path) => variableOf(path));
  const sections = Object.keys(ConfigSchema.shape).map((section) => `${variableOf([section])}_`);
  const ours = Object.keys(env).filter((name) => name.startsWith(PREFIX) && env[name] !== undefined);
  return ours
    .filter(
      (name) => !known.includes(name) && !named.includes(name) && !NO_SETTINGS.includes(name.slice(PREFIX.length)),
    )
    .filter((name) => sections.some((section) => name.startsWith(section)) || nearest(name, known).length > 0)
    .map((name) => ({
      ...placeless(null),
      variable: name,
      path: '',
      message: `no setting is set by this variable${didYouMean(name, known)}`,
    }));
}

/** The variables that targets of notifications name. */
export function secretVariables(targets: readonly NotificationTarget[]): string[] {
  return targets.flatMap((target) => {
    if (target.kind === 'webhook') return target.secretEnv ?? [];
    if (target.kind === 'slack') return target.urlEnv;
    return target.kind === 'email' ? target.smtpEnv : [];
  });
}

/** Their values, as far as they are set. A missing one is an error when it is needed: most processes need none. */
export function notificationSecrets(targets: readonly NotificationTarget[], env: Environment): Record<string, string> {
  return Object.fromEntries(secretVariables(targets).flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}
