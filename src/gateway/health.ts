import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';

const PROBE_INTERVAL_MS = 200;
const PROBE_TIMEOUT_MS = 5_000;

interface Probe {
  /** Base URL of the process. */
  url: string;
  signal: AbortSignal;
  /** Told why it is not healthy yet, after each probe. */
  onReason: (reason: string) => void;
}

/** Resolves with true once the process answers `GET /health` with 200, with false when the signal comes first. */
export async function untilHealthy({ url, signal, onReason }: Probe): Promise<boolean> {
  while (!signal.aborted) {
    const reason = await probe(url, signal);
    if (reason === null) return !signal.aborted;
    onReason(reason);
    await delay(PROBE_INTERVAL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}

/**
 * Asks `GET /health` once.
 *
 * @returns null: it answers with 200; otherwise why not, in words
 */
export async function probe(url: string, signal?: AbortSignal): Promise<string | null> {
  try {
    const limit = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const response = await request(`${url}/health`, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
    const reason = await reasonIn(response.body);
    if (response.statusCode === 200) return null;
    return `/health answers ${response.statusCode}${reason ? `: ${reason}` : ''}`;
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') return 'it does not listen yet';
    if (name === 'TimeoutError') return `/health does not answer within ${PROBE_TIMEOUT_MS / 1_000} s`;
    return `/health cannot be read: ${message}`;
  }
}

async function reasonIn(body: Dispatcher.ResponseData['body']): Promise<string> {
  const text = (await body.text()).slice(0, 500);
  try {
    const answer: unknown = JSON.parse(text);
    const reason = (answer as { reason?: unknown } | null)?.reason;
    return typeof reason === 'string' ? reason : text;
  } catch {
    return text;
  }
}
