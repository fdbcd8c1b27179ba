import { parseEnv } from 'node:util';
import type { Service } from './servers.ts';
import type { Facts } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A setting and where it was found. */
interface FoundValue {
  value: string;
  where: string;
  /** Whether user or password stood in it; they are not kept. */
  hadLogin?: boolean;
}

/** MLflow as the project uses it; the likeliest of each first. */
export interface Tracking {
  experiments: FoundValue[];
  uris: FoundValue[];
  registeredModels: FoundValue[];
}

/** Hosts that mean something else elsewhere: this machine, and what containers call it or one another. */
const isHere = (host: string) =>
  !host.includes('.') || /^127\.|^0\.0\.0\.0$|docker\.internal$|\.(local|localhost|invalid)$/.test(host);

/** Why an address is not put in force; null: it can be. */
export function strangeAddress(uri: string): string | null {
  if (!/^https?:/.test(uri) || !URL.canParse(uri)) return 'it is no address of a server';
  return isHere(new URL(uri).hostname) ? 'only this machine, or a container, knows that host' : null;
}

const VARIABLES: Record<keyof Tracking, RegExp> = {
  experiments: /^MLFLOW_EXPERIMENT(_NAME)?$|^EXPERIMENT_NAME$/,
  uris: /^MLFLOW_(TRACKING_)?URI$/,
  registeredModels: /^(MLFLOW_)?(REGISTERED_)?MODEL_NAME$/,
};

/** Collects experiments, addresses and registered models from sources, `.env` files and compose files. */
export function detectTracking(
  view: ProjectView,
  facts: ReadonlyMap<string, Facts>,
  services: readonly Service[],
): Tracking {
  const tracking: Tracking = { experiments: [], uris: [], registeredModels: [] };
  for (const [where, own] of facts) {
    note(tracking.experiments, own.experiments, where);
    note(tracking.uris, own.trackingUris, where);
    const given = own.options.filter(({ dest }) => /^registered_model(_name)?$/.test(dest));
    note(tracking.registeredModels, [...own.registeredModels, ...given.map((option) => option.default)], where);
    fromVariables(tracking, own.environment, where);
  }
  for (const path of view.files.filter((each) => /(^|\/)\.env(\.[\w.-]+)?$/.test(each))) {
    fromVariables(tracking, parseEnv(view.text(path) ?? '') as Record<string, string>, path);
  }
  for (const { env, file } of services) fromVariables(tracking, env, file);
  return tracking;
}

/** Name of the registered model in an address such as `models:/churn/Production` or `models:/churn@champion`. */
export function modelAt(value: string | null): string | null {
  return /^models:\/([^/@$]+)[/@]/.exec(value ?? '')?.[1] ?? null;
}

function fromVariables(tracking: Tracking, variables: Readonly<Record<string, string | null>>, where: string): void {
  for (const [name, value] of Object.entries(variables)) {
    for (const key of Object.keys(VARIABLES) as Array<keyof Tracking>) {
      if (VARIABLES[key].test(name)) note(tracking[key], [value], where);
    }
    note(tracking.registeredModels, [modelAt(value)], where);
  }
}

function note(found: FoundValue[], values: readonly unknown[], where: string): void {
  for (const text of values) {
    if (typeof text !== 'string' || !text || text.includes('$')) continue;
    const value = withoutLogin(text);
    if (found.some((known) => known.value === value)) continue;
    found.push({ value, where, ...(value !== text && { hadLogin: true }) });
  }
}

/** What is found goes into a file that is committed, and onto the screen: no user and no password may be in it. */
const withoutLogin = (text: string) => text.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/i, '$1');
