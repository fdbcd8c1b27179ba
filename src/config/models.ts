import type { Config } from '../config.ts';
import { isMapping } from './values.ts';

/** Sections that are the same for all models of a deployment, and why. */
export const SHARED_SECTIONS: Readonly<Record<string, string>> = {
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
  const outDir = `reports/monitoring/${name.replace(/[^\w.-]+/g, '_')}`;
  return { ...settings, monitoring: { ...monitoring, outDir } };
}
