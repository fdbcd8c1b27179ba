import { z } from 'zod';
import type { Config } from '../../config.ts';

export interface ApiState {
  url: string;
  /** Version that it serves; null when it serves none. */
  version: string | null;
  /** Registered model that it serves. */
  registeredModel: string | null;
  /** Why it serves none, in words. */
  problem: string | null;
}

const Health = z.object({
  model_name: z.string().nullish(),
  model_version: z.coerce.string().nullish(),
  reason: z.string().nullish(),
  error: z.string().nullish(),
});
const LIMIT_MS = 3_000;

/** What the API itself says that it serves: the same `GET /health` as any of its users may ask. Never throws. */
export async function apiState({ deployment }: Config): Promise<ApiState> {
  const url = deployment.apiUrl.replace(/\/+$/, '');
  const none = { url, version: null, registeredModel: null };
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(LIMIT_MS) });
    const health = Health.safeParse(await response.json().catch(() => null)).data;
    const { model_name, model_version, reason, error } = health ?? {};
    if (response.ok && model_version) {
      return { url, version: model_version, registeredModel: model_name ?? null, problem: null };
    }
    return { ...none, problem: reason ?? error ?? `/health answers ${response.status}` };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    return { ...none, problem: late ? `no answer within ${LIMIT_MS / 1000} s` : 'nothing answers there' };
  }
}
