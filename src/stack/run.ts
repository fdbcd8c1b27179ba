import { join, resolve } from 'node:path';
import { tryLock } from '../../setup/lock.mjs';
import { findTemporal } from '../../setup/temporal/find.mjs';
import { hasTemporal } from '../config/embedded.ts';
import { printable } from '../config/printable.ts';
import { type Config, loadLocated, startFolder } from '../config.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { openState } from '../systems/state.ts';
import { firstRetrain } from './firstRetrain.ts';
import { aborted, type Interruption } from './interruption.ts';
import { partsOf } from './parts.ts';
import { checkPorts } from './ports.ts';
import { GivenUp, StackProblem } from './problem.ts';
import { keepForAMonth } from './retention.ts';
import { startStack } from './stack.ts';
import { guardUi, hiddenAddress } from './uiGuard.ts';
import { whereToLook } from './whereToLook.ts';

export interface StackOptions {
  /** Stop everything after the retrain. */
  once: boolean;
  /** Run a retrain once the stack is up. */
  retrain: boolean;
  /** Trials of that retrain; absent: what the configuration says. */
  trials?: number;
  /** Folder of the state; absent: what the configuration says. */
  dir?: string;
}

/** From SIGTERM to SIGKILL of the parts when this process was killed (ms). */
const REAP_GRACE_MS = 1_500;
/** How long the parts of a stack that was killed may hold their ports (ms): the reaper's grace and some more. */
const AFTER_CRASH_MS = 8_000;

const say = (text: string) => console.log(printable(text));

/**
 * Everything that `npm start` does.
 *
 * @param interruption aborts with an `Interruption` when everything is to stop
 * @returns the exit code
 * @throws {StackProblem | ConfigError} when the stack does not come up; nothing is left running
 */
export async function run(options: StackOptions, interruption: AbortSignal): Promise<number> {
  const config = configOf(options);
  const dir = openState(config);
  const lock = takeLock(dir);
  try {
    const ui = await hiddenAddress();
    const parts = partsOf(config, { dir, ui, temporal: hasTemporal(config) ? await temporalProgram() : '' });
    await checkPorts(
      parts.flatMap(({ ports }) => ports),
      { waitMs: lock.afterCrash ? AFTER_CRASH_MS : 0 },
    );
    if (interruption.aborted) return exitCodeOf(interruption);
    const guard = hasTemporal(config) ? await guardUi(config.stack.temporalUiPort, ui) : undefined;
    const reaper = await createReaper({ graceMs: REAP_GRACE_MS });
    const stack = await startStack(parts, {
      logFolder: join(dir, 'logs'),
      reaper,
      announce: say,
      signal: interruption,
    });
    try {
      if (hasTemporal(config)) await keepForAMonth(config);
      const exitCode = await use(config, options, { reaper, signal: interruption });
      say('stopping…');
      return exitCode;
    } finally {
      await guard?.close();
      await stack.stop();
      await reaper.close();
    }
  } catch (error) {
    if (error instanceof GivenUp && interruption.aborted) return exitCodeOf(interruption);
    throw error;
  } finally {
    lock.release();
  }
}

/**
 * Makes this process the only stack on a folder of state. `afterCrash`: the stack before was killed, and what it started
 * may still be ending.
 */
function takeLock(dir: string) {
  const lock = tryLock(join(dir, 'stack.lock'));
  if (!('holder' in lock)) return lock;
  const { pid, since } = lock.holder;
  throw new StackProblem(
    `The stack on ${dir} runs already (process ${pid}, since ${since}). ` +
      `Use it, stop it with Ctrl-C in its terminal or "kill ${pid}", or give this one another folder with --dir and other ports.`,
  );
}

function exitCodeOf({ reason }: AbortSignal): number {
  return (reason as Interruption).exitCode;
}

/** The file and the flags go into the environment, so that every part reads the same configuration. */
function configOf({ dir }: StackOptions): Config {
  const folder = startFolder(process.env, process.cwd());
  if (dir !== undefined) process.env.MEDIWATCH_STACK_DIR = resolve(folder, dir);
  const { config, file } = loadLocated(process.env, folder);
  if (file !== null) process.env.MEDIWATCH_CONFIG = file;
  return config;
}

async function temporalProgram(): Promise<string> {
  const program = await findTemporal(process.env);
  if (program) return program;
  // Where npm start got none, a variable names a server, which is the one of this stack by a port of mediwatch.yaml.
  throw new StackProblem(
    'The Temporal dev server is missing: run "node setup/bootstrap.mjs --temporal" in the checkout, which gets it.',
  );
}

type Use = Pick<Parameters<typeof firstRetrain>[1], 'reaper' | 'signal'>;

/** What happens while the stack is up. */
async function use(config: Config, { once, retrain, trials }: StackOptions, { reaper, signal }: Use): Promise<number> {
  const outcome = retrain ? await firstRetrain(config, { trials, reaper, signal }) : undefined;
  if (signal.aborted) return exitCodeOf(signal);
  if (outcome?.problem) say(`\nNo new version serves: ${outcome.problem}.${once ? '' : ' The stack goes on.'}`);
  const when = once ? ', once it runs again (npm start -- --no-retrain)' : '';
  say(`\nWhere to look${when}:\n${(await whereToLook(config, outcome?.retrainId)).join('\n')}\n`);
  if (once) return outcome?.problem ? 1 : 0;
  say('Serving until Ctrl-C.');
  const { words } = await aborted(signal);
  say(`\n${words}`);
  return 0;
}
