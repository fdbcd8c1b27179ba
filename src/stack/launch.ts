import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environmentOf } from '../systems/processes/environment.ts';
import { killTree } from '../systems/processes/killTree.ts';
import { TAG_VARIABLE } from '../systems/processes/processTable.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { StackProblem } from './problem.ts';

interface Launch {
  command: readonly string[];
  /** Working folder; absent: ours. */
  cwd?: string | undefined;
  /** Added to what every process gets (see environmentOf). */
  env: Readonly<Record<string, string>>;
  /** Where it writes: a file descriptor, what this process writes to, or nowhere. */
  output: number | 'inherit' | 'ignore';
  /** Opens a channel to a Node process, for `ping`. */
  channel?: boolean;
  reaper: Reaper;
}

export interface Launched {
  /** Resolves with how it ended, as text and as a number. */
  exited: Promise<{ exitCode: number | null; how: string }>;
  /** Whether a process that sends back what comes by the channel does so within the limit (ms). */
  ping(limitMs: number): Promise<boolean>;
  /** Ends it and all that it started; resolves when all of it is gone. To be called after `exited` as well. */
  kill(graceMs: number): Promise<void>;
}

/**
 * Starts a process in a group of its own, which ends with this process, kill -9 included. It writes to its log by
 * itself, so that no line is lost when this process dies.
 *
 * @throws {StackProblem} when the program cannot be started
 */
export async function launch({ command, cwd, env, output, channel = false, reaper }: Launch): Promise<Launched> {
  const [program = '', ...args] = command;
  const tag = reaper.newTag();
  // Not execa: its streams pass through this process, and what it hands over by number ends at 9.
  const child = spawn(program, args, {
    cwd,
    env: { ...environmentOf(), ...env, [TAG_VARIABLE]: tag },
    stdio: ['ignore', output, output, ...(channel ? (['ipc'] as const) : [])],
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw new StackProblem(`${program} could not be started: ${error.message}`);
  }
  reaper.watch(pid, tag);
  const exited = once(child, 'exit').then(([exitCode, signal]) => ({
    exitCode: exitCode as number | null,
    how: signal ? `ended by ${signal}` : `exit code ${exitCode}`,
  }));
  return {
    exited,
    async ping(limitMs) {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(limitMs) });
      child.send('ping', () => {});
      return await answer.then(
        () => true,
        () => false,
      );
    },
    async kill(graceMs) {
      await killTree({ pgid: pid, tag, graceMs });
      await exited;
      reaper.forget(pid);
    },
  };
}
