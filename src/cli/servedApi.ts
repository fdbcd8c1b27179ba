import { z } from 'zod';
import type { Config } from '../config.ts';
import { type ApiContract, notReady, OUR_CONTRACT, type Said, saidAt, versionAt } from '../contracts/apiContract.ts';
import { SERVED_BY } from '../contracts/gateway.ts';
import { askGateway } from '../doctor/gateway.ts';

export interface ApiState {
  url: string;
  /** Version that it serves; null when it serves none. */
  version: string | null;
  /** Registered model that it serves. */
  registeredModel: string | null;
  /** Why it serves none. */
  problem: string | null;
}

/** Whether an API serves this version. One that does not name its model is taken for the model's own. */
export const serves = (api: ApiState, registeredModel: string, version: string): boolean =>
  api.version === version && (api.registeredModel ?? registeredModel) === registeredModel;

/** What an API serves, such as `version 3`; with the name of the model where that is another one. */
export function servedText({ version, registeredModel: served }: ApiState, registeredModel: string): string {
  return `version ${version}${served === null || served === registeredModel ? '' : ` of ${served}`}`;
}

const Reason = z.object({ reason: z.string().nullish(), error: z.string().nullish() });
const HEALTH_LIMIT_MS = 3_000;

/**
 * Which version answers the health path of the API, as the gateway before it knows; where none of ours is before it, as it
 * says itself. Never throws.
 */
export async function apiState(config: Config): Promise<ApiState> {
  const { health } = config.deployment.contract ?? OUR_CONTRACT;
  const url = config.deployment.apiUrl.replace(/\/+$/, '');
  const none = { url, version: null, registeredModel: null };
  try {
    const response = await fetch(url + health.path, { signal: AbortSignal.timeout(HEALTH_LIMIT_MS) });
    const said = { body: await response.json().catch(() => null), headers: Object.fromEntries(response.headers) };
    const waits = notReady(said, health);
    if (!response.ok || waits) {
      const { reason, error } = Reason.safeParse(said.body).data ?? {};
      return { ...none, problem: reason ?? error ?? waits ?? `${health.path} answers ${response.status}` };
    }
    const served = servedOf(said, health) ?? (await servedByGateway(config));
    if (served) return { url, ...served, problem: null };
    return {
      ...none,
      problem: `${health.path} names no version (deployment.contract.health.version says where it is)`,
    };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return { ...none, problem: late ? `no answer within ${HEALTH_LIMIT_MS / 1000} s` : 'nothing answers there' };
  }
}

/** The headers are the gateway's, which knows what it started; the rest is what the API says. */
function servedOf(
  said: Said,
  health: ApiContract['health'],
): (Pick<ApiState, 'registeredModel'> & { version: string }) | null {
  const version = versionAt(said, `header:${SERVED_BY.version}`) ?? versionAt(said, health.version);
  if (version === undefined) return null;
  const known = saidAt(said, `header:${SERVED_BY.model}`);
  const model = known === undefined ? saidAt(said, health.model) : decodeURIComponent(String(known));
  return { version, registeredModel: typeof model === 'string' ? model : null };
}

/** Where something between us and the gateway has taken its headers away, it is asked itself. */
async function servedByGateway(config: Config) {
  if (config.deployment.target === 'none') return null;
  const { active } = await askGateway(config, AbortSignal.timeout(HEALTH_LIMIT_MS)).catch(() => ({ active: null }));
  return active && { version: active.version, registeredModel: active.model };
}
