import { oneLine } from '../../contracts/text.ts';
import type { LogEntry, LogEvent } from '../../systems/logs/index.ts';
import { grouped } from '../../words/numbers.ts';
import { type Cli, styleFor, writeLine } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';

/** A line of the output. */
interface LogLine {
  entry: LogEntry;
  /** ISO time; empty: nobody knows. */
  at: string;
  text: string;
  /** `line`: the step wrote it. The others are ours. */
  event: 'line' | 'leftOut' | 'stepEnded';
}

const COLOURS = ['cyan', 'green', 'magenta', 'blue', 'yellow', 'cyanBright', 'greenBright', 'magentaBright'] as const;
/** Longer names are not lined up (characters). */
const LABEL_WIDTH = 24;

/** The lines that an event stands for. */
export function linesOf(event: LogEvent): LogLine[] {
  const { entry } = event;
  if (event.kind === 'lines') return event.lines.map((line) => ({ entry, event: 'line', ...splitTime(line) }));
  if (event.kind === 'leftOut') return [{ entry, event: 'leftOut', at: '', text: leftOutText(entry, event.bytes) }];
  if (event.kind === 'opened' || entry.state === 'completed') return [];
  const text = `${entry.state}${entry.reason ? `: ${entry.reason}` : ''}`;
  return [{ entry, event: 'stepEnded', at: entry.endedAt ?? '', text }];
}

function leftOutText({ host, file }: LogEntry, bytes: number | null): string {
  if (bytes !== null) return `${grouped(bytes)} bytes are left out here: they are on ${host} in ${file}`;
  return `the log has reached its limit in the store: more is on ${host} in ${file}`;
}

/** Every line of a log begins with its time. */
function splitTime(line: string): { at: string; text: string } {
  const [, at = '', text = line] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (.*)$/s.exec(line) ?? [];
  return { at, text };
}

/** Writes lines of logs to stdout, each with its time, and with its step where there are several. */
interface LinePrinter {
  print(line: LogLine): void;
  /** Lines up to now. */
  count(): number;
}

/** @param isAlone whether the lines of one log only are shown */
export function createLinePrinter(cli: Cli, isAlone: () => boolean): LinePrinter {
  const { stdout, env } = cli.io;
  const style = styleFor(stdout, env);
  const colours = new Map<string, (typeof COLOURS)[number]>();
  let width = 0;
  let count = 0;

  function label({ step, attempt }: LogEntry): string {
    if (isAlone()) return '';
    const text = attempt > 1 ? `${step}#${attempt}` : step;
    width = Math.max(width, Math.min(text.length, LABEL_WIDTH));
    const colour = colours.get(step) ?? (COLOURS[colours.size % COLOURS.length] as (typeof COLOURS)[number]);
    colours.set(step, colour);
    return `${style(colour, text.padEnd(width))}  `;
  }

  function asText({ entry, at, text, event }: LogLine): string {
    const time = at ? new Date(at).toTimeString().slice(0, 8) : '        ';
    const shown = event === 'line' ? text : `[${oneLine(text)}]`;
    const colour = event === 'line' ? undefined : entry.state === 'failed' && event === 'stepEnded' ? 'red' : 'yellow';
    return `${style('dim', time)}  ${label(entry)}${colour ? style(colour, shown) : shown}`;
  }

  return {
    print(line) {
      count += 1;
      if (cli.json) cli.emit(asDocument(line));
      else writeLine(stdout, asText(line));
    },
    count: () => count,
  };
}

function asDocument({ entry, at, text, event }: LogLine): object {
  const { workflowId, runId, step, attempt, host, state, file } = entry;
  const about = { event, ...(at && { at }), workflowId, runId, step, attempt, host };
  return { ...about, ...(event === 'stepEnded' && { state }), ...(event === 'leftOut' && { file }), text };
}

/** What is kept to be put in order, at the most (characters); beyond it lines come in the order of the store. */
const KEPT_CHARACTERS = 100_000_000;

/**
 * Keeps lines of several logs, and gives them out log by log.
 *
 * @param tail the last lines only, this many; absent: all
 */
export function createGroups(print: (line: LogLine) => void, tail?: number) {
  const kept = new Map<string, LogLine[]>();
  let characters = 0;

  /** @param entries the logs in their order */
  function flush(entries: readonly LogEntry[]): void {
    const lines = entries.flatMap(({ id }) => kept.get(id) ?? []);
    for (const line of tail === undefined ? lines : lines.slice(Math.max(0, lines.length - tail))) print(line);
    kept.clear();
    characters = 0;
  }

  return {
    add(line: LogLine, entries: () => readonly LogEntry[]): void {
      const lines = kept.get(line.entry.id) ?? [];
      kept.set(line.entry.id, lines);
      lines.push(line);
      if (tail !== undefined) {
        if (lines.length > 2 * tail + 1) lines.splice(0, lines.length - tail);
        return;
      }
      characters += line.text.length;
      if (characters > KEPT_CHARACTERS) flush(entries());
    },
    flush,
  };
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
    `"mediwatch logs ${workflowId} --list" shows more.`;
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
