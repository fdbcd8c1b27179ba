import type { Config } from '../config.ts';

/** Registered models that may be alerted about; the first is meant when a request names none. */
export function knownModels({ registry, models }: Config): string[] {
  const { registeredModel } = registry;
  const named = Object.keys(models);
  if (named.length === 0) return [registeredModel];
  return named.toSorted((a, b) => Number(b === registeredModel) - Number(a === registeredModel));
}
