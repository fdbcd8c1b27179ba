import type { SearchProgress, StageProgress } from '../../contracts/progress.ts';
import { finishedTrials } from '../../domain/progress.ts';
import type { NamedLink } from '../../words/links.ts';
import { duration, score } from '../../words/numbers.ts';
import type { Style } from '../cli.ts';

/** How long a stage has taken up to now; empty when it has not started. */
export function stageTime({ startedAt, endedAt }: StageProgress, now: number): string {
  return startedAt === undefined ? '' : duration((endedAt ?? now) - startedAt);
}

/** `trials 7/20 (2 running, 3 pruned, 1 failed)` */
export function trialCount(search: SearchProgress): string {
  const { total, pruned, failed, running } = search;
  const details = [running && `${running} running`, pruned && `${pruned} pruned`, failed && `${failed} failed`]
    .filter(Boolean)
    .join(', ');
  return `trials ${finishedTrials(search)}/${total}${details && ` (${details})`}`;
}

/** `best 0.6812 (trial 4)`; empty before the first score. */
export function bestScore({ best }: SearchProgress): string {
  return best ? `best ${score(best.score)} (trial ${best.number})` : '';
}

/** Cuts a line to a width. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Breaks a text at spaces into lines of a width; those after the first are indented. */
export function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string;
    if (line === '') lines[lines.length - 1] = clip(word, width);
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(clip(`  ${word}`, width));
  }
  return lines;
}

/** Lays parts out in lines of a width at most, each part whole where it fits. */
export function flow(parts: readonly string[], width: number, indent = ''): string[] {
  const lines: string[] = [];
  for (const part of parts.filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + part.length <= width) lines[lines.length - 1] = `${last}  ${part}`;
    else lines.push(clip(indent + part, width));
  }
  return lines;
}

interface Column {
  title: string;
  cells: readonly string[];
  align?: 'left' | 'right';
  /** How the cell of a row looks. */
  look?: (text: string, row: number) => string;
}

const GAP = '  ';

/** Columns with their titles above them; the last takes what room there is, and is cut there. */
export function tableLines(columns: readonly Column[], { width, style }: { width: number; style: Style }): string[] {
  const last = columns.length - 1;
  const widths = columns.map(({ title, cells }) => Math.max(title.length, ...cells.map((cell) => cell.length)));
  const before = widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  widths[last] = Math.min(widths[last] ?? 0, Math.max(width - before, 0));
  const cellOf = (text: string, at: number) => {
    const room = widths[at] ?? 0;
    const { align } = columns[at] as Column;
    const fitting = clip(text, room);
    return align === 'right' ? fitting.padStart(room) : at === last ? fitting : fitting.padEnd(room);
  };
  const head = columns.map(({ title }, at) => cellOf(title, at)).join(GAP);
  const rows = Array.from({ length: columns[0]?.cells.length ?? 0 }, (_, row) =>
    columns
      .map(({ cells, look = (text: string) => text }, at) => look(cellOf(cells[row] ?? '', at), row))
      .join(GAP)
      .trimEnd(),
  );
  return [style('dim', head.trimEnd()), ...rows];
}

/** Links in two columns. */
export function linkLines(links: readonly NamedLink[]): string[] {
  const width = Math.max(...links.map(({ name }) => name.length));
  return links.map(({ name, url }) => `  ${name.padEnd(width)}  ${url}`);
}
