import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CommandFailed } from '../processes/errors.ts';
import type { Reaper } from '../processes/reaper.ts';
import { runCommand } from '../processes/runCommand.ts';
import { explain } from './refusals.ts';

/** The command line only hands things on: it needs little memory (MiB). */
const MEMORY_MB = 2_048;

export interface CliCall {
  /** What is done, for messages and the name of the log: `build`, `push`, … */
  what: string;
  /** The image that it is done to, for messages. */
  image: string;
  args: readonly string[];
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string>>;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((line: string) => void) | undefined;
}

/** Runs docker's command line; its output goes to a log file. */
export interface DockerCli {
  /** @throws {DockerError} saying what Docker or the registry refused */
  run(call: CliCall): Promise<{ logFile: string; lastLine: string }>;
}

/** Where the output of a command goes, in a folder of logs. */
export function dockerLog(logDir: string, what: string): string {
  return join(logDir, `docker-${what}.log`);
}

export function createDockerCli({
  reaper,
  logDir,
  cwd,
}: {
  reaper: () => Promise<Reaper>;
  logDir: string;
  cwd: string;
}): DockerCli {
  return {
    async run({ what, image, args, env = {}, timeoutMs, signal, onProgress }) {
      const logFile = dockerLog(logDir, what);
      await mkdir(dirname(logFile), { recursive: true });
      await appendFile(logFile, `docker ${args.join(' ')}\n`);
      try {
        const { lastLine } = await runCommand({
          command: ['docker', ...args],
          cwd,
          env,
          logFile,
          timeoutMs,
          memoryLimitMb: MEMORY_MB,
          signal: signal ?? new AbortController().signal,
          reaper: await reaper(),
          ...(onProgress && { onProgress }),
        });
        return { logFile, lastLine };
      } catch (error) {
        throw error instanceof CommandFailed ? explain({ what, image, error }) : error;
      }
    },
  };
}
