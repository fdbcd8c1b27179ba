import { asyncLocalStorage, Context, type Info } from '@temporalio/activity';
import { CancelledFailure, noopMetricMeter } from '@temporalio/common';

interface Options {
  signal: AbortSignal;
  /** Hears what the heartbeats say of how far it is. */
  onProgress(what: unknown): void;
}

/** Nothing of it goes to a server: there is none. */
const INFO = {
  attempt: 1,
  activityId: 'try',
  activityType: 'try',
  taskQueue: 'try',
  isLocal: false,
  inWorkflow: false,
} as Info;
const QUIET = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}

/** Runs the code of an activity here and now, without a worker: it is cancelled by the signal. */
export async function asActivity<Result>({ signal, onProgress }: Options, run: () => Promise<Result>): Promise<Result> {
  const cancelled = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new CancelledFailure('interrupted')), { once: true });
  });
  cancelled.catch(ignore);
  const heartbeat = (details: unknown) => onProgress((details as { progress?: unknown } | null)?.progress);
  const context = new Context(INFO, cancelled, signal, heartbeat, undefined, QUIET, noopMetricMeter, {});
  return await asyncLocalStorage.run(context, run);
}
