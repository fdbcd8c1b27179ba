import type { LogEntry } from '../../systems/logs/index.ts';
import { duration } from '../../words/numbers.ts';
import type { Style } from '../io.ts';
import { oneLine } from '../views/format.ts';

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
