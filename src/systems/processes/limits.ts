import pidusage from 'pidusage';
import { defer } from './deferred.ts';
import { CommandAborted, CommandOutOfMemory, CommandTimedOut } from './errors.ts';

const MEMORY_POLL_MS = 1_000;

/** Node's timers fire at once when they are asked for more: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Limits {
  /** What is limited, for the message. */
  what: string;
  timeoutMs: number;
  /** MiB of resident memory of all the processes together; memory that they share counts for each. */
  memoryLimitMb: number;
  /** Each of them can stop it. */
  signals: readonly AbortSignal[];
  /** The processes whose memory counts. */
  pids: () => Promise<number[]>;
}

/**
 * Watches the limits of something that runs, from now until `stop`.
 *
 * @returns `exceeded`, which resolves with the error of the first limit that is reached, and never without one
 */
export function watchLimits({ what, timeoutMs, memoryLimitMb, signals, pids }: Limits) {
  const { promise: exceeded, resolve } = defer<CommandTimedOut | CommandOutOfMemory | CommandAborted>();
  const timer = setTimeout(() => resolve(new CommandTimedOut(what, timeoutMs)), Math.min(timeoutMs, LONGEST_TIMER_MS));

  const abort = () => resolve(new CommandAborted(what, signals.find((signal) => signal.aborted)?.reason));
  for (const signal of signals) signal.addEventListener('abort', abort);
  if (signals.some((signal) => signal.aborted)) abort();

  let stopped = false;
  const checkMemory = async () => {
    const usedMb = await residentMb(pids);
    if (usedMb > memoryLimitMb) resolve(new CommandOutOfMemory(what, usedMb, memoryLimitMb));
    else if (!stopped) memoryTimer = setTimeout(checkMemory, MEMORY_POLL_MS);
  };
  let memoryTimer = setTimeout(checkMemory, MEMORY_POLL_MS);

  return {
    exceeded,
    stop(): void {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(memoryTimer);
      for (const signal of signals) signal.removeEventListener('abort', abort);
    },
  };
}

async function residentMb(pids: Limits['pids']): Promise<number> {
  try {
    // Those that ended meanwhile are missing in the answer.
    const usage = await pidusage(await pids());
    return Object.values(usage).reduce((sum, one) => sum + (one?.memory ?? 0), 0) / 1024 ** 2;
  } catch {
    return 0; // all of them ended
  }
}
