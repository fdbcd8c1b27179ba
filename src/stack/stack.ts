import { Listr, type ListrTask, PRESET_TIMER } from 'listr2';
import { GivenUp } from './problem.ts';
import { type Part, type Supervised, type SuperviseOptions, supervise } from './supervise.ts';

export interface Stack {
  /** Stops the parts in the reverse order, so that each one can still reach what it needs. */
  stop(): Promise<void>;
}

/**
 * Starts all parts at the same time, except those that wait for others, and shows how long each one takes.
 *
 * @throws {StackProblem} when one does not start, or `options.signal` aborts; then none is left running
 */
export async function startStack(parts: readonly Part[], options: SuperviseOptions): Promise<Stack> {
  const giveUp = new AbortController();
  const signal = AbortSignal.any([options.signal, giveUp.signal]);
  const starts = new Map<Part['name'], Promise<Supervised>>();
  for (const part of parts) {
    const start = Promise.all(part.after.map((name) => starts.get(name)))
      .then(() => supervise(part, { ...options, signal }))
      .catch((problem: Error) => {
        giveUp.abort();
        throw problem;
      });
    starts.set(part.name, start);
  }
  await show(parts, starts);

  const outcomes = await Promise.allSettled(starts.values());
  const stack = stackOf(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])));
  const problems = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  if (problems.length === 0) return stack;
  await stack.stop();
  // What was given up because of another one's problem, or waited for it, is not a problem of its own.
  const first = problems.find((problem) => !(problem instanceof GivenUp)) ?? problems[0];
  throw first;
}

function stackOf(running: readonly Supervised[]): Stack {
  return {
    async stop() {
      for (const supervised of running.toReversed()) await supervised.stop();
    },
  };
}

async function show(parts: readonly Part[], starts: ReadonlyMap<Part['name'], Promise<Supervised>>): Promise<void> {
  const tasks = parts.map(({ name, title }): ListrTask => {
    const failed = new Error(`${title} did not start`);
    return { title, task: () => starts.get(name)?.then(undefined, () => Promise.reject(failed)) };
  });
  const view = new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false },
    fallbackRendererOptions: { timer: PRESET_TIMER },
  });
  await view.run();
}
