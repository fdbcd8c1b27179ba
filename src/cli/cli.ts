import { userInfo } from 'node:os';
import type { Writable } from 'node:stream';
import type { styleText } from 'node:util';
import { formatted, inert, printable } from '../config/printable.ts';
import { redactData } from '../config/redaction.ts';
import { type Config, loadConfig } from '../config.ts';
import { EXIT, type ExitCode } from './exit.ts';

/** One run of the command: its world, its settings, and how it ends. */
export interface Cli {
  io: Io;
  /** Whether stdout carries JSON and nothing else. */
  readonly json: boolean;
  /** Where sentences go: beside the JSON, or where the reader looks. */
  readonly prose: Output;
  readonly style: Style;
  /** Of a terminal (characters); what goes to a file or a pipe is not cut. */
  readonly width: number;
  exitCode: ExitCode;
  /** @throws {ConfigError} naming each wrong setting */
  config(): Config;
  /** Says a sentence. */
  say(text?: string): void;
  /** Prints a JSON document on a line of stdout; nothing without `--json`. */
  emit(document: object): void;
  /** Shows what was found: as a document with `--json`, else in lines. */
  show(document: object, lines: () => readonly string[]): void;
}

export function openCli(io: Io, json: boolean): Cli {
  const prose = json ? io.stderr : io.stdout;
  let config: Config | undefined;
  let refusal: unknown;
  const say = (text = '') => writeLine(prose, text);
  const emit = (document: object) => {
    if (json) writeJson(io.stdout, document);
  };
  return {
    io,
    json,
    prose,
    style: styleFor(prose, io.env),
    width: prose.isTTY ? (prose.columns ?? 100) : Number.POSITIVE_INFINITY,
    exitCode: EXIT.done,
    config: () => {
      if (refusal !== undefined) throw refusal;
      try {
        config ??= loadConfig(io.env, io.cwd);
        return config;
      } catch (error) {
        // Help asks for the settings of each command: a long file that cannot be used is read once.
        refusal = error;
        throw error;
      }
    },
    say,
    emit,
    show: (document, lines) => {
      if (json) emit(document);
      else for (const line of lines()) say(line);
    },
  };
}

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
  return coloured ? formatted : (_format, text) => text;
}

/** A terminal whose lines can be drawn over. */
export function isTerminal(stream: Output, env: Io['env']): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** The way to a terminal: whatever a text says, it acts on none, and no secret is in it. */
export function writeLine(stream: Output, text = ''): void {
  stream.write(`${printable(text)}\n`);
}

/** A document of JSON on a line. */
export function writeJson(stream: Output, document: object): void {
  stream.write(`${inert(JSON.stringify(redactData(document)))}\n`);
}

/** The user of this machine; in a container one may have no name. */
export function user(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
