import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** All that the command sees of the world around it. */
export interface Io {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Aborted by Ctrl-C or a request to end. */
  interrupted: AbortSignal;
}

type Format = Parameters<typeof styleText>[0];
export type Style = (format: Format, text: string) => string;

/** Colours for a terminal; none elsewhere, with `NO_COLOR` set, or on a terminal that has none. */
export function styleFor(stream: Output, env: Io['env']): Style {
  const coloured = env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : isTerminal(stream, env) && !env.NO_COLOR;
  return coloured ? (format, text) => styleText(format, text, { validateStream: false }) : (_format, text) => text;
}

/** A terminal on which lines can be drawn anew. */
export function isTerminal(stream: Output, env: Io['env']): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb';
}

export function writeLine(stream: Output, text = ''): void {
  stream.write(`${text}\n`);
}
