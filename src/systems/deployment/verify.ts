import type { Check } from '../../contracts/deployment.ts';
import { createCandidateClient } from './candidateClient.ts';
import { CheckFailed, expectAnswer, expectPrediction, expectSchema, expectStatic } from './checks.ts';
import { GatewayError, VerificationFailed } from './errors.ts';
import { untilServing } from './healthCheck.ts';
import type { CandidateState } from './target.ts';

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
  /** Paths that must answer 200. */
  staticPaths: readonly string[];
  /** Asks the target what has become of the candidate. */
  state: () => Promise<CandidateState>;
  /** Told what is waited for, in words. */
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
  const client = createCandidateClient(url, signal);
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
    await check('health', () => untilServing({ ...options, client, onProgress }));
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
  return new GatewayError(
    `The candidate of version ${version} is gone (check "${check}"); the gateway was restarted.`,
    {
      retryable: true,
    },
  );
}
