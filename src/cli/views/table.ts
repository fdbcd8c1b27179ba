import type { Style } from '../io.ts';
import { clip } from './format.ts';

export interface Column {
  title: string;
  cells: readonly string[];
  align?: 'left' | 'right';
  /** How a cell looks; it is given the row's index. */
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
