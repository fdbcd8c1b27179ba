import { CommandAborted, CommandFailed, describe } from './errors.ts';
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
  /** MiB of resident memory of the command and all that it started. */
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

export interface CommandResult {
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
  const { command, logFile, timeoutMs, memoryLimitMb, signal, graceMs = DEFAULT_GRACE_MS } = options;
  if (signal.aborted) throw new CommandAborted(describe(command), signal.reason);

  const log = await openLog(logFile);
  try {
    const startedAt = performance.now();
    const group = await startGroup({ ...options, stdin: options.input === undefined ? 'ignore' : 'pipe' });
    group.stdin?.end(options.input);
    const output = readOutput(group, log, options);
    const limits = watchLimits({
      what: describe(command),
      timeoutMs,
      memoryLimitMb,
      signals: [signal],
      pids: () => pidsOf(group),
    });
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
  group: ProcessGroup,
  log: Log,
  { onProgress, onLines }: Pick<RunCommandOptions, 'onProgress' | 'onLines'>,
) {
  // Apart, for the streams come in no order, and what a program says of its failure is on stderr.
  const tails = { stdout: new Tail(), stderr: new Tail() };
  const progress = throttle(PROGRESS_INTERVAL_MS, onProgress ?? (() => {}));
  let lastLine = '';

  const reading = Promise.all([
    readLines(group.stderr, new LineSplitter(LOG_LINE_LIMIT), async (lines) => {
      tails.stderr.add(lines);
      onLines?.(lines);
      await log.write(lines);
    }),
    readLines(group.stdout, new LineSplitter(LOG_LINE_LIMIT), async (lines) => {
      const newest = lines.findLast((line) => line.trim() !== '');
      if (newest !== undefined) {
        lastLine = newest;
        progress.push(newest);
      }
      tails.stdout.add(lines);
      onLines?.(lines);
      await log.write(lines);
    }),
  ]);
  /** Resolves when the log cannot be written, and never otherwise. */
  const failed = new Promise<Error>((resolve) => reading.catch(resolve));

  return {
    /** End of stderr, or of stdout when nothing came there. */
    tail: () => tails.stderr.text || tails.stdout.text,
    failed,
    lastLine: () => lastLine,
    async finish(): Promise<void> {
      await drain([group.stdout, group.stderr], reading);
      progress.stop();
    },
  };
}

/**
 * Passes values on at most once in `intervalMs`: the first at once, then the newest one when the time has come.
 * `stop` drops what has not been passed on.
 */
export function throttle<Value>(intervalMs: number, pass: (value: Value) => void) {
  let newest: { value: Value } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const passNewest = () => {
    timer = undefined;
    if (!newest) return;
    const { value } = newest;
    newest = undefined;
    timer = setTimeout(passNewest, intervalMs);
    pass(value);
  };
  return {
    push(value: Value): void {
      newest = { value };
      if (!timer) passNewest();
    },
    stop(): void {
      clearTimeout(timer);
      newest = undefined;
    },
  };
}
