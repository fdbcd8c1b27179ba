import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type CandidateClient, NoAnswer } from './candidateClient.ts';
import { CheckFailed, quote } from './checks.ts';
import type { VerifyOptions } from './verify.ts';

const POLL_MS = 250;
const PROBE_MS = 5_000;

const Healthy = z.object({ model_name: z.string().optional(), model_version: z.coerce.string() });
const Unhealthy = z.object({ reason: z.string() });

type HealthOptions = Pick<VerifyOptions, 'model' | 'version' | 'healthTimeoutMs' | 'state' | 'signal' | 'require'> & {
  client: CandidateClient;
  onProgress: (what: string) => void;
};

/**
 * Asks `GET /health` until it answers 200 with the expected model and version; where no version is required, one that
 * is told must still be the expected one.
 *
 * @throws {CheckFailed} when the time is over, and at once when the candidate exited or serves something else
 */
export async function untilServing(options: HealthOptions): Promise<{ detail: string }> {
  const { version, healthTimeoutMs, state, signal, onProgress } = options;
  const deadline = performance.now() + healthTimeoutMs;
  for (;;) {
    const probe = await ask(options);
    if ('detail' in probe) return probe;
    const now = await state();
    if (now.state === 'exited' || now.state === 'absent') throw new CheckFailed('it ended before it answered /health');
    if (performance.now() >= deadline) {
      throw new CheckFailed(`it was not healthy within ${healthTimeoutMs / 1_000} s: ${probe.reason}`);
    }
    onProgress(`waiting for version ${version}: ${probe.reason}`);
    await delay(POLL_MS, undefined, signal && { signal });
  }
}

async function ask({
  client,
  model,
  version,
  require,
}: HealthOptions): Promise<{ detail: string } | { reason: string }> {
  try {
    const { status, body } = await client.get('/health', PROBE_MS);
    if (status !== 200) {
      const told = Unhealthy.safeParse(body);
      return { reason: `/health answers ${status}: ${told.success ? told.data.reason : quote(body)}` };
    }
    const health = Healthy.safeParse(body);
    if (!health.success) {
      if (require.includes('version')) throw new CheckFailed(`/health names no model_version: ${quote(body)}`);
      return { detail: 'it answers 200 and names no version; none is required' };
    }
    assertExpected(health.data, { model, version });
    return { detail: `version ${version} of ${model}` };
  } catch (error) {
    if (error instanceof NoAnswer) return { reason: `/health gives no answer: ${error.message}` };
    throw error;
  }
}

function assertExpected(health: z.output<typeof Healthy>, { model, version }: { model: string; version: string }) {
  const found = { model: health.model_name ?? model, version: health.model_version };
  if (found.model === model && found.version === version) return;
  throw new CheckFailed(
    `it serves version ${found.version} of ${found.model}, but version ${version} of ${model} was to be deployed`,
  );
}
