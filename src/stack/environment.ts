import process from 'node:process';
import { secretVariables } from '../config/environment.ts';
import { mayBeSecret } from '../config/secrets.ts';
import { type Config, KNOWN_VARIABLES, settingPaths, variableOf } from '../config.ts';
import { environmentOf } from '../systems/processes/environment.ts';
import type { Part } from './supervise.ts';

/** Sections whose secrets a part of our own uses; the servers of Temporal and MLflow read no settings at all. */
const SECRETS: Readonly<Record<Exclude<Part['name'], 'temporal' | 'mlflow'> | 'client', readonly string[]>> = {
  gateway: ['mlflow'],
  webhook: ['webhook', 'temporal'],
  codec: [],
  worker: ['mlflow', 'temporal', 'docker'],
  client: ['mlflow', 'temporal'],
};

/** The environment of a part of our own: all settings that variables give, without the secrets of other parts. */
export function partEnvironment(config: Config, part: keyof typeof SECRETS): Record<string, string> {
  const sections = SECRETS[part];
  const variables = settingPaths().flatMap(([section, key]) => {
    const names = [variableOf([section, key]), KNOWN_VARIABLES[`${section}.${key}`] ?? []].flat();
    return names.filter((name) => sections.includes(section) || !isSecret(key, process.env[name]));
  });
  // All that the client of Temporal reads by itself: its profile, its certificates.
  const ofTemporal = sections.includes('temporal') ? ['TEMPORAL_*'] : [];
  // Whoever reads the settings looks up the profile that they name.
  const all = ['MEDIWATCH_CONFIG', 'TEMPORAL_CONFIG_FILE', ...variables, ...ofTemporal, ...passedOn(config, part)];
  return environmentOf(['network', 'computing', 'mlflow', 'docker', 'node'], all);
}

/** Whether a value must not be seen by those who do not use it: by the name of its setting, or a password in a URL. */
function isSecret(key: string, value: string | undefined): boolean {
  return mayBeSecret([key]) || key === 'username' || /\/\/[^/@]*:[^/@]*@/.test(value ?? '');
}

/** What a part hands on to the processes that it starts. */
function passedOn(config: Config, part: keyof typeof SECRETS): string[] {
  const all = [config, ...Object.values(config.models)];
  // pip's own settings reach what a model is served with.
  if (part === 'gateway') return ['PIP_*', ...all.flatMap(({ deployment }) => deployment.passEnv)];
  if (part !== 'worker') return [];
  const targets = config.notifications.flatMap((target) => (target.kind === 'command' ? target.passEnv : []));
  const steps = all.flatMap(({ steps, extraSteps, docker }) => [...Object.values(steps), ...extraSteps, docker]);
  // pip's own settings reach the Dockerfiles.
  return ['PIP_*', ...secretVariables(config.notifications), ...targets, ...steps.flatMap(({ passEnv }) => passEnv)];
}
