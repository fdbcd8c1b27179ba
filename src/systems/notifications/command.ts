import type { NotificationTarget } from '../../contracts/notifications.ts';
import { environmentOf } from '../processes/environment.ts';
import { CommandAborted, CommandFailed, CommandNotFound } from '../processes/errors.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runCommand } from '../processes/runCommand.ts';
import { type Channel, DeliveryFailed } from './channel.ts';

type Target = Extract<NotificationTarget, { kind: 'command' }>;

interface CommandSurroundings {
  /** Working folder. */
  cwd: string;
  /** Gets what the command writes. */
  logFile: string;
  memoryLimitMb: number;
  /** Made when the first command is run. */
  reaper: () => Promise<Reaper>;
}

/** The signal ends a command; this limit is never reached (ms). */
const NEVER_MS = 24 * 3600 * 1_000;

/** Runs a command that reads the notification as JSON from its stdin. It is not run again when it fails. */
export function createCommandChannel(
  { command, passEnv }: Target,
  { cwd, logFile, memoryLimitMb, reaper }: CommandSurroundings,
): Channel {
  // Arguments may hold a secret; the program alone says enough.
  const program = command[0] as string;
  return {
    async deliver(notification, signal) {
      const input = `${JSON.stringify(notification)}\n`;
      const limits = { memoryLimitMb, timeoutMs: NEVER_MS, signal };
      const env = environmentOf(['network'], passEnv);
      await runCommand({ command, cwd, env, input, logFile, reaper: await reaper(), ...limits }).catch((cause) => {
        throw new DeliveryFailed(inWords(program, cause), { retryable: false, cause });
      });
    },
  };
}

function inWords(program: string, error: Error): string {
  if (error instanceof CommandAborted) return `${program} was killed because it did not end in time.`;
  if (error instanceof CommandNotFound) return `${error.message} Correct "command".`;
  if (!(error instanceof CommandFailed)) return `${program} could not be run: ${error.message}`;
  const { exitCode, signal, tail, logFile } = error;
  const ended = signal ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
  return `${program} ${ended}. Its log: ${logFile}. ${tail.trim() ? `Its last output: ${tail.trim()}` : 'It wrote nothing.'}`;
}
