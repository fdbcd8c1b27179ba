import { join } from 'node:path';
import { lock } from './lock.mjs';
import { nodePackages } from './parts/nodePackages.mjs';
import { pythonPackages } from './parts/pythonPackages.mjs';
import { temporalServer } from './parts/temporalServer.mjs';
import { ROOT } from './paths.mjs';
import { explain } from './problem.mjs';
import { createProgress } from './progress.mjs';
import { stopAll } from './run.mjs';

/**
 * Brings every part of the checkout to the state that its lock files ask for. A part is
 * `{title, isReady(): Promise<boolean>, make(report): Promise<void>}`; parts do not depend on each other.
 *
 * Ends the process: 0 when all is ready; 1 when a part is missing, after a sentence for each.
 *
 * @param {{test: boolean, temporal: 'always' | 'unlessNamed' | 'never'}} options test: also what only the tests need;
 *   temporal: whether the dev server is set up, `unlessNamed`: unless the environment names another server
 */
export async function setUp({ test, temporal }) {
  for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.once(signal, () => {
      stopAll();
      process.exit(code);
    });
  }
  // Under npm the reader's command is npm itself: when that was killed, nobody waits for this any more.
  if (process.env.npm_lifecycle_event) endWithParent();
  const parts = [nodePackages(), pythonPackages({ test })];
  if (temporal !== 'never') parts.push(temporalServer({ always: temporal === 'always' }));
  try {
    process.exitCode = (await makeAll(parts)) ? 0 : 1;
  } catch (error) {
    console.error(`\nSet-up is incomplete.\n  ${explain(error)}\n`);
    process.exitCode = 1;
  }
}

/** How often it is looked whether the process that started this one is still there (ms). */
const PARENT_CHECK_MS = 500;

function endWithParent() {
  const parent = process.ppid;
  const check = () => {
    if (process.ppid === parent) return;
    stopAll();
    process.exit(1);
  };
  setInterval(check, PARENT_CHECK_MS).unref();
}

async function makeAll(parts) {
  // Without the lock first: when there is nothing to do, nobody has to wait.
  if ((await missing(parts)).length === 0) return true;
  const progress = createProgress(process.stderr);
  const held = await lock(join(ROOT, '.mediwatch', 'setup.lock'), (holder) =>
    progress.say(`another set-up of this checkout runs (process ${holder.pid}); waiting for it`),
  );
  try {
    const outcomes = await Promise.all((await missing(parts)).map((part) => make(part, progress)));
    const problems = outcomes.filter(Boolean);
    if (problems.length > 0) console.error(`\nSet-up is incomplete.\n${problems.join('\n')}\n`);
    return problems.length === 0;
  } finally {
    progress.close();
    held.release();
  }
}

async function missing(parts) {
  const ready = await Promise.all(parts.map((part) => part.isReady()));
  return parts.filter((_, index) => !ready[index]);
}

/** @returns {Promise<string | undefined>} what is missing and how to get it */
async function make(part, progress) {
  const line = progress.start(part.title);
  try {
    await part.make((doing) => line.doing(doing));
    line.done();
  } catch (error) {
    line.failed();
    return `  ${part.title}: ${explain(error)}`;
  }
}
