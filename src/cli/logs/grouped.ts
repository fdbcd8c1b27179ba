import type { LogEntry } from '../../systems/logs/index.ts';
import type { LogLine } from './lines.ts';

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
