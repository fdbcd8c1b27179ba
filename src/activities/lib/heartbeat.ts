import { hostname } from 'node:os';
import { Context } from '@temporalio/activity';

/** How often a heartbeat is offered; the SDK passes on one every few seconds (see worker.ts). */
const INTERVAL_MS = 1000;

export interface Beat {
  /** Aborted when the activity is cancelled, times out, or its workflow is gone. */
  signal: AbortSignal;
  /** Sets what the next heartbeats tell: it is shown in the UI with the pending activity. */
  progress(what: unknown): void;
}

/**
 * Sends heartbeats by timer while the body runs, independently of any output of what it waits for, so that a live
 * step is never taken for a dead one.
 *
 * @param logFile file on this host where the step's output goes; told with each heartbeat
 */
export async function whileHeartbeating<Result>(
  body: (beat: Beat) => Promise<Result>,
  logFile?: string,
): Promise<Result> {
  const context = Context.current();
  let latest: unknown = null;
  const send = () => context.heartbeat({ host: hostname(), ...(logFile && { log: logFile }), progress: latest });
  send();
  const timer = setInterval(send, INTERVAL_MS);
  try {
    return await body({
      signal: context.cancellationSignal,
      progress: (what) => {
        latest = what;
      },
    });
  } finally {
    clearInterval(timer);
  }
}

type Method = (...args: never[]) => Promise<unknown>;

/** Lets short activities send heartbeats too, so that the death of their worker is noticed within seconds. */
export function heartbeating<Activities extends Record<string, Method>>(activities: Activities): Activities {
  const wrap =
    (method: Method): Method =>
    (...args) =>
      whileHeartbeating(() => method(...args));
  return Object.fromEntries(Object.entries(activities).map(([name, method]) => [name, wrap(method)])) as Activities;
}
