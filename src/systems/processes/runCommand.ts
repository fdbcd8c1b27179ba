import { CommandAborted, CommandFailed, commandLine } from './errors.ts';
import { type GroupOptions, type ProcessGroup, startGroup, watchLimits } from './group.ts';
import { DEFAULT_GRACE_MS } from './killTree.ts';
import { drain, LineSplitter, LOG_LINE_LIMIT, type Log, openLog, readLines, Tail } from './output.ts';
import { membersOf, processTable } from './processTable.ts';

export interface RunCommandOptions extends Omit<GroupOptions, 'stdin'> {
  /** Both streams are appended to it, each line with the time; its folder is made. */
  logFile: string;
  /** Written to its stdin, which then ends; absent: it reads an empty input. */
  input?: string;
  timeoutMs: number;
  /** MiB of memory of the command and all that it started. */
  memoryLimitMb: number;
  /** Stops the command. */
  signal: AbortSignal;
  /** Gets the newest line of stdout, at most five times a second. */
  onProgress?: (line: string) => void;
  /** Gets every line of both streams, in pieces as they come. */
  onLines?: (lines: readonly string[]) => void;
  /** Time between SIGTERM and SIGKILL (ms). */
  graceMs?: number;
}

interface CommandResult {
  exitCode: 0;
  /** Last line of stdout that is not blank; of a line over 64 KiB, its end. */
  lastLine: string;
  seconds: number;
}

const PROGRESS_INTERVAL_MS = 200;

/**
 * Runs a command to its end. When the promise settles, in whatever way, nothing of it runs any more: what it left
 * behind in its process group or with its tag is ended too.
 *
 * @throws {CommandNotFound} the program or the working folder cannot be used; nothing was started
 * @throws {CommandFailed} it ended with another exit code than 0, or by a signal
 * @throws {CommandTimedOut} it ran longer than `timeoutMs`
 * @throws {CommandOutOfMemory} it used more than `memoryLimitMb`
 * @throws {CommandAborted} `signal` was aborted
 */
export async function runCommand(options: RunCommandOptions): Promise<CommandResult> {
  const { command, logFile, input, timeoutMs, memoryLimitMb, signal, graceMs = DEFAULT_GRACE_MS } = options;
  const what = commandLine(command);
  if (signal.aborted) throw new CommandAborted(what, signal.reason);

  const log = await openLog(logFile);
  try {
    const startedAt = performance.now();
    const group = await startGroup({ ...options, stdin: input === undefined ? 'ignore' : 'pipe' });
    group.stdin?.end(input);
    const output = readOutput(group, log, options);
    const limits = watchLimits({ what, timeoutMs, memoryLimitMb, signal, pids: () => pidsOf(group) });
    const ending = await Promise.race([group.exited, limits.exceeded, output.failed]);
    limits.stop();
    await group.kill(graceMs);
    await output.finish();

    if (ending instanceof Error) throw ending;
    if (ending.exitCode !== 0) throw new CommandFailed(command, ending, output.tail(), logFile);
    return { exitCode: 0, lastLine: output.lastLine(), seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await log.close();
  }
}

async function pidsOf({ pid, tag }: ProcessGroup): Promise<number[]> {
  return membersOf(await processTable(), [{ pgid: pid, tag }]).map((member) => member.pid);
}

/** Copies both streams to the log, and keeps what a caller wants to know of them. */
function readOutput(
  { stdout, stderr }: ProcessGroup,
  log: Log,
  { onProgress, onLines }: Pick<RunCommandOptions, 'onProgress' | 'onLines'>,
) {
  // Apart, for the streams come in no order, and what a program says of its failure is on stderr.
  const tails = { stdout: new Tail(), stderr: new Tail() };
  let lastLine = '';
  let isNews = false;
  const passNewest = () => {
    if (isNews) onProgress?.(lastLine);
    isNews = false;
  };
  const progress = setInterval(passNewest, PROGRESS_INTERVAL_MS).unref();

  const keep = (tail: Tail, lines: string[]) => {
    tail.add(lines);
    onLines?.(lines);
    return log.write(lines);
  };
  const reading = Promise.all([
    readLines(stderr, new LineSplitter(LOG_LINE_LIMIT), (lines) => keep(tails.stderr, lines)),
    readLines(stdout, new LineSplitter(LOG_LINE_LIMIT), (lines) => {
      const newest = lines.findLast((line) => line.trim() !== '');
      if (newest !== undefined) [lastLine, isNews] = [newest, true];
      return keep(tails.stdout, lines);
    }),
  ]);

  return {
    /** End of the one with an exception; else of stderr, or of stdout when nothing came there. */
    tail: () =>
      ([tails.stderr, tails.stdout].find(({ exception }) => exception) ?? tails.stderr).text || tails.stdout.text,
    /** Resolves when the log cannot be written, and never otherwise. */
    failed: new Promise<Error>((resolve) => reading.catch(resolve)),
    lastLine: () => lastLine,
    async finish(): Promise<void> {
      await drain([stdout, stderr], reading);
      clearInterval(progress);
      passNewest();
    },
  };
}
