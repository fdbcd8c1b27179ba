import { type Config, loadConfig } from '../config.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { type Io, type Output, type Style, styleFor, writeLine } from './io.ts';

/** One run of the command: its world, its settings, and how it ends. */
export interface Cli {
  io: Io;
  /** Whether stdout carries JSON and nothing else. */
  readonly json: boolean;
  /** Where sentences go: beside the JSON, or where the reader looks. */
  readonly prose: Output;
  readonly style: Style;
  exitCode: ExitCode;
  /** @throws {ConfigError} naming each wrong setting */
  config(): Config;
  /** Says a sentence. */
  say(text?: string): void;
  /** Prints a JSON document on a line of stdout; nothing without `--json`. */
  emit(document: object): void;
}

export function openCli(io: Io, json: boolean): Cli {
  const prose = json ? io.stderr : io.stdout;
  let config: Config | undefined;
  return {
    io,
    json,
    prose,
    style: styleFor(prose, io.env),
    exitCode: EXIT.done,
    config: () => {
      config ??= loadConfig(io.env, io.cwd);
      return config;
    },
    say: (text = '') => writeLine(prose, text),
    emit: (document) => {
      if (json) writeLine(io.stdout, JSON.stringify(document));
    },
  };
}
