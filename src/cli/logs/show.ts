import { FAILURES } from '../../contracts/errors.ts';
import { ArtifactStoreUnavailable, openBackend } from '../../systems/artifacts/index.ts';
import { artifactStoreOptions } from '../../systems/artifacts/options.ts';
import { createLogReader, type LogEntry, type LogReader } from '../../systems/logs/index.ts';
import { MlflowError } from '../../systems/mlflow/index.ts';
import { duration } from '../../words/numbers.ts';
import { type Cli, type Style, writeLine } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { oneLine } from '../views/text.ts';
import { endOf, followLogs } from './follow.ts';
import { createGroups, createLinePrinter, linesOf } from './lines.ts';

/** A person waits for the answer (ms). */
const LIMIT_MS = 10_000;

/** Shows the logs of a workflow out of the artifact store, or which there are. */
export async function showLogs(cli: Cli, wanted: LogsWanted): Promise<void> {
  const config = cli.config();
  const options = artifactStoreOptions(config);
  const { interrupted } = cli.io;
  try {
    const backend = openBackend({ ...options, timeoutMs: Math.min(options.timeoutMs, LIMIT_MS) });
    const reader = createLogReader(backend, wanted.workflowId);
    try {
      if (wanted.follow) await followLogs(cli, reader, wanted);
      else await showOnce(cli, reader, wanted);
    } finally {
      await backend.close();
    }
  } catch (error) {
    // Whoever interrupts knows that it was them.
    if (interrupted.aborted) cli.exitCode = EXIT.interrupted;
    else throw inWords(error);
  }
}

async function showOnce(cli: Cli, reader: LogReader, wanted: LogsWanted): Promise<void> {
  const { workflowId, list, tail } = wanted;
  const chosen = () => reader.entries().filter((entry) => isWanted(wanted, entry));
  const printer = createLinePrinter(cli, () => chosen().length <= 1);
  const groups = createGroups(printer.print, tail);
  for await (const event of reader.news(cli.io.interrupted)) {
    if (list || !isWanted(wanted, event.entry)) continue;
    for (const line of linesOf(event)) groups.add(line, reader.entries);
  }
  const entries = chosen();
  if (reader.entries().length === 0) await explainNothing(cli, workflowId);
  else if (entries.length === 0) throw noSuchLog(wanted, reader.entries());
  if (list) {
    cli.emit({ workflowId, logs: entries });
    if (!cli.json && entries.length > 0) for (const line of listLines(entries, cli.style)) cli.say(line);
    return;
  }
  groups.flush(entries);
  if (printer.count() === 0 && entries.length > 0) {
    writeLine(cli.io.stderr, `${entries.length === 1 ? 'The step' : 'The steps'} wrote nothing up to now.`);
  }
  cli.emit({ event: 'result', exitCode: cli.exitCode, workflowId, lines: printer.count() });
}

/** Says why there is no log of a workflow. */
async function explainNothing(cli: Cli, workflowId: string): Promise<void> {
  const { logs, artifacts } = cli.config();
  const end = await endOf(cli, workflowId, { wait: false });
  if (end.kind === 'unknown') {
    const exitCode = end.error instanceof CommandError ? end.error.exitCode : EXIT.failed;
    const where = artifacts.store === 'mlflow' ? 'MLflow' : artifacts.store;
    throw new CommandError(exitCode, `There is no log of "${workflowId}" in ${where}. ${end.error.message}`, {
      cause: end.error,
    });
  }
  const running = `No step of ${workflowId} has begun up to now. Wait for one with "mediwatch logs ${workflowId} --follow".`;
  const kept = logs.keepDays > 0 ? `, or they are older than logs.keepDays (${logs.keepDays} days)` : '';
  const ended = `There is no log of ${workflowId}: no step of it ran${kept}, or logs.ship was off on its worker.`;
  writeLine(cli.io.stderr, end.kind === 'running' ? running : ended);
}

function inWords(error: unknown): unknown {
  if (error instanceof MlflowError) {
    return new CommandError(EXIT.unreachable, `${error.message} ${FAILURES.MlflowUnavailable.next}`, { cause: error });
  }
  if (error instanceof ArtifactStoreUnavailable) {
    return new CommandError(EXIT.unreachable, error.message, { cause: error });
  }
  return error;
}

const HEAD = ['STEP', 'ATTEMPT', 'STATE', 'STARTED', 'TOOK', 'SIZE', 'HOST', 'FILE THERE'];

/** The logs as a table, in order of their start; a failure's reason stands below its line. */
export function listLines(entries: readonly LogEntry[], style: Style): string[] {
  const rows = [HEAD, ...entries.map(rowOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
  return lines.flatMap((line, index) => {
    const entry = entries[index - 1];
    if (!entry) return [style('bold', line)];
    const reason = entry.reason && style(entry.state === 'failed' ? 'red' : 'yellow', `  ${oneLine(entry.reason)}`);
    return reason ? [line, reason] : [line];
  });
}

function rowOf({ step, attempt, state, startedAt, endedAt, size, host, file }: LogEntry): string[] {
  const started = `${startedAt.slice(0, 19).replace('T', ' ')} UTC`;
  const took = endedAt ? duration(Date.parse(endedAt) - Date.parse(startedAt)) : '';
  return [step, String(attempt), state, started, took, sizeText(size), host, file];
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** What the reader asked for. */
export interface LogsWanted {
  workflowId: string;
  step?: string;
  attempt?: number;
  /** The last lines only, this many; absent: all. */
  tail?: number;
  follow: boolean;
  list: boolean;
}

/** Whether a log is one of those that were asked for. */
export function isWanted({ step, attempt }: LogsWanted, entry: LogEntry): boolean {
  return (attempt === undefined || entry.attempt === attempt) && (step === undefined || isStep(step, entry));
}

/** `trial-7` is no beginning of `trial-70`. */
function isStep(wanted: string, { step, workflow }: LogEntry): boolean {
  if (step === wanted || workflow === wanted) return true;
  return step.startsWith(wanted) && !/\d$/.test(wanted);
}

/** Says that there is no such log, and which there are. */
export function noSuchLog({ workflowId, step, attempt }: LogsWanted, entries: readonly LogEntry[]): CommandError {
  const which = [step !== undefined && `step "${step}"`, attempt !== undefined && `attempt ${attempt}`];
  const message =
    `${workflowId} has no log of ${which.filter(Boolean).join(', ')}. It has logs of: ${namesOf(entries)}. ` +
    `"mediwatch logs ${workflowId} --list" tells more.`;
  return new CommandError(EXIT.usage, message);
}

/** The names of the steps in order of their start, each once; `trial-0 to trial-19` for many that differ by a number. */
function namesOf(entries: readonly LogEntry[]): string {
  const families = new Map<string, string[]>();
  for (const name of new Set(entries.map(({ step }) => step))) {
    const family = name.replace(/\d+$/, '#');
    families.set(family, [...(families.get(family) ?? []), name]);
  }
  const numberOf = (name: string) => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return [...families.values()]
    .map((names) => names.toSorted((a, b) => numberOf(a) - numberOf(b)))
    .flatMap((names) => (names.length > 3 ? [`${names[0]} to ${names.at(-1)}`] : names))
    .join(', ');
}
