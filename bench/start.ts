import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../src/config.ts';
import { createTestStack, type StackRun, type TestStack } from '../test/support/stack.ts';
import { inTurn, say, summary } from './figures.ts';

interface Options {
  /** How often the stack is started again, and how often each command runs while it is up. */
  rounds: number;
}

/** After a start there is more to do for a while. */
const SETTLED_MS = 15_000;

/**
 * Starts a stack that has a version in Production again and again, and asks how long it takes until the API serves, and until
 * all of it is up; then how long commands take while nothing else happens.
 */
export async function benchStart({ rounds }: Options) {
  const stack = await createTestStack();
  try {
    say('a first start, with a retrain of two trials');
    const first = stack.start(['--trials', '2']);
    await serves(stack, 300_000);
    await first.up();
    await stop(first);
    const [serving, up]: [number[], number[]] = [[], []];
    let run = first;
    for (let round = 0; round < rounds; round += 1) {
      const startedAt = performance.now();
      run = stack.start();
      await serves(stack, 120_000);
      serving.push((performance.now() - startedAt) / 1_000);
      await run.up();
      up.push((performance.now() - startedAt) / 1_000);
      say(`start ${round + 1}: serves after ${serving.at(-1)?.toFixed(1)} s, up after ${up.at(-1)?.toFixed(1)} s`);
      if (round < rounds - 1) await stop(run);
    }
    await delay(SETTLED_MS);
    const [help, status]: [number[], number[]] = [[], []];
    await inTurn(rounds, [
      async () => void help.push(await secondsOf(stack, '--help')),
      async () => void status.push(await secondsOf(stack, 'status')),
    ]);
    await stop(run);
    return {
      secondsUntilItServes: summary(serving),
      secondsUntilAllIsUp: summary(up),
      helpSeconds: summary(help),
      statusSeconds: summary(status),
    };
  } finally {
    await stack.dispose();
  }
}

const LOOK_MS = 50;

/** Waits until the API answers for a version. */
async function serves({ ports }: TestStack, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  const answers = () =>
    fetch(`http://127.0.0.1:${ports.API_PORT}/health`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) await delay(LOOK_MS, undefined, { signal });
}

async function stop({ process, exited }: StackRun): Promise<void> {
  process.kill('SIGINT');
  await exited;
}

async function secondsOf(stack: TestStack, ...args: string[]): Promise<number> {
  const startedAt = performance.now();
  await execa('bin/mediwatch', args, { cwd: PROJECT_ROOT, env: stack.env });
  return (performance.now() - startedAt) / 1_000;
}
