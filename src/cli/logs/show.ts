import { FAILURES } from '../../contracts/errors.ts';
import { oneLine } from '../../contracts/text.ts';
import { ArtifactStoreUnavailable, openBackend } from '../../systems/artifacts/index.ts';
import { artifactStoreOptions } from '../../systems/artifacts/options.ts';
import { createLogReader, type LogEntry, type LogReader } from '../../systems/logs/index.ts';
import { failureTypeOf, MlflowError } from '../../systems/mlflow/errors.ts';
import { duration, sizeText, utcSecond } from '../../words/numbers.ts';
import { type Cli, type Style, writeLine } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { tableLines } from '../views/text.ts';
import { endOf, followLogs } from './follow.ts';
import { createGroups, createLinePrinter, isWanted, type LogsWanted, linesOf, noSuchLog } from './lines.ts';

/** A person waits for the answer (ms). */
const LIMIT_MS = 10_000;

/** Shows the logs of a workflow from the artifact store, or which there are. */
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
    else throw refusalOf(error);
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
  if (list) return cli.show({ workflowId, logs: entries }, () => listLines(entries, cli.style));
  groups.flush(entries);
  if (printer.count() === 0 && entries.length > 0) {
    writeLine(cli.io.stderr, `${entries.length === 1 ? 'The step' : 'The steps'} wrote nothing up to now.`);
  }
  cli.emit({ event: 'result', exitCode: cli.exitCode, workflowId, lines: printer.count() });
}

/** Says why there is no log of a workflow. */
async function explainNothing(cli: Cli, workflowId: string): Promise<void> {
  const { logs, artifacts, mlflow } = cli.config();
  const where = artifacts.store === 'mlflow' ? `the experiment "${mlflow.experiment}" of MLflow` : artifacts.store;
  const end = await endOf(cli, workflowId, { wait: false });
  if (end.kind === 'unknown') {
    const exitCode = end.error instanceof CommandError ? end.error.exitCode : EXIT.failed;
    throw new CommandError(exitCode, `There is no log of "${workflowId}" in ${where}. ${end.error.message}`, {
      cause: end.error,
    });
  }
  const running = `No step of ${workflowId} has begun up to now. Wait for one with "mediwatch logs ${workflowId} --follow".`;
  const kept = logs.keepDays > 0 ? `, or they are older than logs.keepDays (${logs.keepDays} days)` : '';
  const ended = `There is no log of ${workflowId} in ${where}: no step of it ran${kept}, or logs.ship was off on its worker.`;
  writeLine(cli.io.stderr, end.kind === 'running' ? running : ended);
}

/** Why the store cannot be read; other errors pass. */
function refusalOf(error: unknown): unknown {
  if (error instanceof MlflowError) {
    const { next } = FAILURES[failureTypeOf(error)];
    return new CommandError(EXIT.unreachable, `${error.message} ${next}`, { cause: error });
  }
  if (error instanceof ArtifactStoreUnavailable) {
    return new CommandError(EXIT.unreachable, error.message, { cause: error });
  }
  return error;
}

/** The logs as a table, in order of their start; a failure's reason stands below its line. */
function listLines(entries: readonly LogEntry[], style: Style): string[] {
  if (entries.length === 0) return [];
  const column = (title: string, of: (entry: LogEntry) => string) => ({ title, cells: entries.map(of) });
  const took = ({ startedAt, endedAt }: LogEntry) =>
    endedAt ? duration(Date.parse(endedAt) - Date.parse(startedAt)) : '';
  const [head = '', ...rows] = tableLines(
    [
      column('STEP', ({ step }) => step),
      column('ATTEMPT', ({ attempt }) => String(attempt)),
      column('STATE', ({ state }) => state),
      column('STARTED', ({ startedAt }) => `${utcSecond(startedAt)} UTC`),
      column('TOOK', took),
      column('SIZE', ({ size }) => sizeText(size)),
      column('HOST', ({ host }) => host),
      column('FILE THERE', ({ file }) => file),
    ],
    { width: Number.POSITIVE_INFINITY, style },
  );
  const reasonLines = ({ state, reason }: LogEntry) =>
    reason ? [style(state === 'failed' ? 'red' : 'yellow', `  ${oneLine(reason)}`)] : [];
  return [head, ...entries.flatMap((entry, index) => [rows[index] ?? '', ...reasonLines(entry)])];
}
