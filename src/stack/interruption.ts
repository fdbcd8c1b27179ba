/** Why the stack is to stop. */
export interface Interruption {
  words: string;
  /** Exit code by convention: 128 + the signal's number. */
  exitCode: number;
}

const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Ctrl-C reaches this process from the terminal and, passed on, from npm: these are one (ms). */
const SAME_SIGNAL_MS = 1_000;
const PARENT_CHECK_MS = 500;

/**
 * Aborts, with an `Interruption` as the reason, at the first signal. A second one ends this process at once, and so does
 * the end of the process that started this one (a killed npm passes nothing on); the reaper then ends the parts.
 *
 * @param options.watchParent false: this process may outlive the one that started it
 */
export function watchInterruptions({ watchParent }: { watchParent: boolean }): AbortSignal {
  const controller = new AbortController();
  let firstAt: number | undefined;
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (firstAt !== undefined && performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(exitCode);
      firstAt ??= performance.now();
      controller.abort({ words: signal === 'SIGINT' ? 'Ctrl-C' : signal, exitCode } satisfies Interruption);
    });
  }
  if (watchParent) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) process.exit(1);
    }, PARENT_CHECK_MS).unref();
  }
  return controller.signal;
}

/** Resolves when the signal aborts, and never otherwise. */
export function aborted(signal: AbortSignal): Promise<Interruption> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}
