import type { LogEntry } from '../../systems/logs/index.ts';
import { CommandError, EXIT } from '../exit.ts';

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
