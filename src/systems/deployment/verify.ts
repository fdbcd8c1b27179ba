import pRetry from 'p-retry';
import { z } from 'zod';
import { type ApiContract, notReady, OUR_CONTRACT, placesOf, saidAt, versionAt } from '../../contracts/apiContract.ts';
import type { Check } from '../../contracts/deployment.ts';
import {
  type CandidateClient,
  CheckFailed,
  createCandidateClient,
  expectAnswer,
  expectPrediction,
  expectSchema,
  expectStatic,
  isOk,
  NoAnswer,
  predictionRequest,
  quote,
} from './checks.ts';
import { type CandidateState, GatewayError, VerificationFailed } from './target.ts';

export interface VerifyOptions {
  /** Base URL of the candidate itself, not of what routes traffic. */
  url: string;
  /** Registered model and version that /health must name. */
  model: string;
  version: string;
  /** Where its answers have what they say; absent: where those of the bundled API have it. */
  contract?: ApiContract | undefined;
  /** Records for the prediction; empty: the example of /schema. */
  example: Record<string, unknown>[];
  /** What is sent for a prediction, with `"{records}"` in it; absent: `{"records": […]}`. */
  request?: unknown;
  /** What it must prove besides answering its health path and the static paths; what its contract does not declare is skipped. */
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
    contract = OUR_CONTRACT,
    example,
    request: template,
    maxPredictMs,
    warmUpMs = 10_000,
    staticPaths,
    state,
    onProgress = () => {},
    signal,
  } = options;
  const client = createCandidateClient(url, secret, signal);
  const has = { version: contract.health.version, schema: contract.schema.path, prediction: contract.predict.path };
  const require = options.require.filter((what) => has[what] !== '');
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
    await check('health', () => untilServing(client, { ...options, contract, require, onProgress }));
    const schema = require.includes('schema')
      ? await check('schema', () => expectSchema(client, contract))
      : { example: [] };
    const request = predictionRequest(template, example.length > 0 ? example : schema.example);
    const asked = { contract, request, version };
    if (require.includes('prediction')) {
      await check('warm-up', () => expectPrediction(client, { ...asked, limitMs: maxPredictMs + warmUpMs }));
      await check('predict', () => expectPrediction(client, { ...asked, limitMs: maxPredictMs }));
    } else if (request && has.prediction) {
      await check('predict', () => expectAnswer(client, { ...asked, limitMs: maxPredictMs + warmUpMs }));
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

const HEALTH_POLL = { retries: Number.POSITIVE_INFINITY, minTimeout: 100, factor: 1 };
const HEALTH_LIMIT_MS = 5_000;

/** So long a path that is not there is taken for one of a server that still starts (polls). */
const MISSING_POLLS = 50;

/** `final`: it will not become well. */
const Unhealthy = z.object({ reason: z.string(), final: z.boolean().default(false) });

type HealthOptions = Pick<VerifyOptions, 'model' | 'version' | 'healthTimeoutMs' | 'state' | 'signal' | 'require'> & {
  contract: ApiContract;
  onProgress: (what: string) => void;
};

/** The candidate does not serve yet. */
class NotYet extends Error {
  /** It answers, but has no such path. */
  readonly isMissing: boolean;
  constructor(message: string, status?: number) {
    super(message);
    this.isMissing = status === 404 || status === 405;
  }
}

/**
 * Asks its health path until it answers 200 and is ready, with the expected model and version; where no version is
 * required, one that it names must still be the expected one.
 *
 * @throws {CheckFailed} when the time is over, and at once when the candidate exited or serves something else
 */
async function untilServing(client: CandidateClient, options: HealthOptions): Promise<{ detail: string }> {
  const { version, healthTimeoutMs, state, signal, onProgress } = options;
  const { path } = options.contract.health;
  let reason: string | undefined;
  let missed = 0;
  const isNotYet = (error: unknown) => error instanceof NotYet || error instanceof NoAnswer;
  const onFailedAttempt = async ({ error }: { error: Error }) => {
    if (!isNotYet(error)) throw error;
    const now = await state();
    if (now.state === 'exited' || now.state === 'absent') throw new CheckFailed(`it ended before it answered ${path}`);
    missed = error instanceof NotYet && error.isMissing ? missed + 1 : 0;
    if (missed > MISSING_POLLS) {
      throw new CheckFailed(`${error.message}; set deployment.contract.health.path to a path that says how it does`);
    }
    // An API that a gateway on another host has started gives its reasons to that one only.
    if (now.reason?.startsWith(`${path} answers`)) reason = now.reason;
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

async function expectHealthy(client: CandidateClient, options: HealthOptions) {
  const { model, version, require, contract } = options;
  const { path, version: place } = contract.health;
  const answer = await client.ask(path, { limitMs: HEALTH_LIMIT_MS });
  const { status, body } = answer;
  if (!isOk(answer)) {
    const { reason = quote(body), final = false } = Unhealthy.safeParse(body).data ?? {};
    if (final) throw new CheckFailed(`${path} answers ${status}: ${reason}`);
    throw new NotYet(`${path} answers ${status}: ${reason}`, status);
  }
  const waits = notReady(answer, contract.health);
  if (waits) throw new NotYet(`${path}: ${waits}`);
  const served = versionAt(answer, place);
  if (served === undefined) {
    if (!require.includes('version')) return { detail: 'it answers 200 and names no version; none is required' };
    const [seen] = placesOf(answer, (value) => isVersion(value, version));
    const hint = seen
      ? `; it has ${version} at ${seen}: set deployment.contract.health.version to that`
      : '; if it says it nowhere, leave "version" out of deployment.checks';
    throw new CheckFailed(`${path} names no ${place}: ${quote(body)}${hint}`);
  }
  const said = saidAt(answer, contract.health.model);
  const found = { model: typeof said === 'string' ? said : model, version: served };
  if (found.model !== model || found.version !== version) {
    throw new CheckFailed(
      `it serves version ${found.version} of ${found.model}, but version ${version} of ${model} was to be deployed`,
    );
  }
  return { detail: `version ${version} of ${model}` };
}

/** Whether a value of an answer is the version as anybody may write it. */
export function isVersion(value: unknown, version: string): boolean {
  return (typeof value === 'string' || typeof value === 'number') && [version, `v${version}`].includes(String(value));
}
