import { createLogUpdate } from 'log-update';
import { type Cli, isTerminal } from '../cli.ts';
import { clip } from '../views/text.ts';

export interface DoctorProgress {
  /** @param open names of the checks that are not over */
  show(open: readonly string[]): void;
  /** Takes the line away. */
  close(): void;
}

/** A line on a terminal that says what is still waited for; nothing elsewhere. */
export function openProgress({ prose, io, style }: Cli, total: number): DoctorProgress {
  if (!isTerminal(prose, io.env)) return { show: () => undefined, close: () => undefined };
  const draw = createLogUpdate(prose as NodeJS.WriteStream);
  const show = (open: readonly string[]) => {
    const text = `Checked ${total - open.length} of ${total}${open.length > 0 ? `; waiting for ${open.join(', ')}` : ''}`;
    draw(style('dim', clip(text, prose.columns ?? 80)));
  };
  draw(style('dim', 'Checking…'));
  return { show, close: () => draw.clear() };
}
