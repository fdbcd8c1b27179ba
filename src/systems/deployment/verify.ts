import pRetry from 'p-retry';
import { z } from 'zod';
import type { Check } from '../../contracts/deployment.ts';
import {
  type CandidateClient,
  CheckFailed,
  createCandidateClient,
  expectAnswer,
  expectPrediction,
  expectSchema,
  expectStatic,
  NoAnswer,
  quote,
} from './checks.ts';
import { type CandidateState, GatewayError, VerificationFailed } from './target.ts';

export interface VerifyOptions {
  /** Base URL of the candidate itself, not of what routes traffic. */
  url: string;
  /** Registered model and version that /health must name. */
  model: string;
  version: string;
  /** Records for the prediction; empty: the example of /schema. */
  example: Record<string, unknown>[];
  /** What it must prove besides answering /health and the static paths. */
  require: readonly ('version' | 'schema' | 'prediction')[];
  /** How long /health may take to answer 200 (ms). */
  healthTimeoutMs: number;
  /** How long a prediction may take once the candidate is warm (ms). */
  maxPredictMs: number;
  /** The first prediction may load code and fill caches: it gets this much longer (ms). */
  warmUpMs?: number;
  /** What the candidate knows a deployment check by (`checkSecret`). */
  secret: string;
  /** Paths that must answer 200. */
  staticPaths: readonly string[];
  /** Asks the target what has become of the candidate. */
  state: () => Promise<CandidateState>;
  /** Called with what is waited for, as text. */
  onProgress?: (what: string) => void;
  signal?: AbortSignal;
}

/**
 * Lets a candidate prove that it can serve, one check after the other: health, schema, warm-up, predict, static paths.
 *
 * @returns every check that was passed
 * @throws {VerificationFailed} at the first check that fails; an exited candidate brings the end of its log
 * @throws {GatewayError} retryable, when the target cannot be asked or knows the candidate no more
 */
export async function verifyCandidate(options: VerifyOptions): Promise<{ checks: Check[] }> {
  const {
    url,
    secret,
    version,
    example,
    require,
    maxPredictMs,
    warmUpMs = 10_000,
    staticPaths,
    state,
    onProgress = () => {},
    signal,
  } = options;
  const client = createCandidateClient(url, secret, signal);
  const checks: Check[] = [];

  const check = async <Result extends { detail: string }>(name: string, run: () => Promise<Result>) => {
    const startedAt = performance.now();
    const passed = (ok: boolean, detail: string) =>
      checks.push({ name, ok, detail, ms: Math.round(performance.now() - startedAt) });
    onProgress(`checking ${name}`);
    try {
      const result = await run();
      passed(true, result.detail);
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof CheckFailed)) throw error;
      const now = await state();
      if (now.state === 'absent') throw gone(version, name);
      const exit = now.state === 'exited' ? ` (${now.reason ?? 'it has exited'})` : '';
      passed(false, `${error.message}${exit}`);
      throw new VerificationFailed(`Version ${version} failed the check "${name}": ${error.message}${exit}.`, {
        check: name,
        checks,
        ...(now.logTail !== undefined && { logTail: now.logTail }),
      });
    }
  };

  try {
    await check('health', () => untilServing(client, { ...options, onProgress }));
    const schema = require.includes('schema') ? await check('schema', () => expectSchema(client)) : { example: [] };
    const records = example.length > 0 ? example : schema.example;
    if (require.includes('prediction')) {
      await check('warm-up', () => expectPrediction(client, { records, version, limitMs: maxPredictMs + warmUpMs }));
      await check('predict', () => expectPrediction(client, { records, version, limitMs: maxPredictMs }));
    } else if (records.length > 0) {
      await check('predict', () => expectAnswer(client, { records, limitMs: maxPredictMs + warmUpMs }));
    }
    for (const path of staticPaths) await check(`static ${path}`, () => expectStatic(client, path));
    return { checks };
  } finally {
    await client.close();
  }
}

function gone(version: string, check: string): GatewayError {
  const message = `The candidate of version ${version} is gone (check "${check}"); the gateway was restarted.`;
  return new GatewayError(message, { retryable: true });
}

const HEALTH_POLL = { retries: Number.POSITIVE_INFINITY, minTimeout: 250, factor: 1 };
const HEALTH_LIMIT_MS = 5_000;

const Healthy = z.object({ model_name: z.string().optional(), model_version: z.coerce.string() });
const Unhealthy = z.object({ reason: z.string() });

type HealthOptions = Pick<VerifyOptions, 'model' | 'version' | 'healthTimeoutMs' | 'state' | 'signal' | 'require'> & {
  onProgress: (what: string) => void;
};

/** The candidate does not serve yet. */
class NotYet extends Error {}

/**
 * Asks `GET /health` until it answers 200 with the expected model and version; where no version is required, one that
 * it names must still be the expected one.
 *
 * @throws {CheckFailed} when the time is over, and at once when the candidate exited or serves something else
 */
async function untilServing(client: CandidateClient, options: HealthOptions): Promise<{ detail: string }> {
  const { version, healthTimeoutMs, state, signal, onProgress } = options;
  let reason: string | undefined;
  const isNotYet = (error: unknown) => error instanceof NotYet || error instanceof NoAnswer;
  const onFailedAttempt = async ({ error }: { error: Error }) => {
    if (!isNotYet(error)) throw error;
    const now = await state();
    if (now.state === 'exited' || now.state === 'absent') throw new CheckFailed('it ended before it answered /health');
    // An API that a gateway on another host has started gives its reasons to that one only.
    if (now.reason?.startsWith('/health answers')) reason = now.reason;
    onProgress(`waiting for version ${version}: ${reason ?? error.message}`);
  };
  const polling = { ...HEALTH_POLL, maxRetryTime: healthTimeoutMs, onFailedAttempt, ...(signal && { signal }) };
  return await pRetry(() => expectHealthy(client, options), polling).catch((error: unknown) => {
    if (!isNotYet(error)) throw error;
    throw new CheckFailed(
      `it was not healthy within ${healthTimeoutMs / 1_000} s: ${reason ?? (error as Error).message}`,
    );
  });
}

async function expectHealthy(client: CandidateClient, { model, version, require }: HealthOptions) {
  const { status, body } = await client.ask('/health', { limitMs: HEALTH_LIMIT_MS });
  if (status !== 200) {
    const reason = Unhealthy.safeParse(body).data?.reason ?? quote(body);
    throw new NotYet(`/health answers ${status}: ${reason}`);
  }
  const health = Healthy.safeParse(body).data;
  if (!health) {
    if (require.includes('version')) throw new CheckFailed(`/health names no model_version: ${quote(body)}`);
    return { detail: 'it answers 200 and names no version; none is required' };
  }
  const found = { model: health.model_name ?? model, version: health.model_version };
  if (found.model !== model || found.version !== version) {
    throw new CheckFailed(
      `it serves version ${found.version} of ${found.model}, but version ${version} of ${model} was to be deployed`,
    );
  }
  return { detail: `version ${version} of ${model}` };
}
