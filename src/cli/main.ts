import { type Command, CommanderError } from 'commander';
import { ConfigError } from '../config.ts';
import { type Cli, type Io, openCli, writeLine } from './cli.ts';
import { COMPLETE, complete } from './completion/complete.ts';
import { CommandError, EXIT, type ExitCode } from './exit.ts';
import { adviceFor } from './help.ts';
import { buildProgram } from './program.ts';

/**
 * Runs the command.
 *
 * @param args what stands behind `mediwatch`
 * @returns the exit code
 */
export async function main(args: readonly string[], io: Io): Promise<ExitCode> {
  if (args[0] === COMPLETE) {
    await complete(args.slice(1), io);
    return EXIT.done;
  }
  const cli = openCli(io, args.includes('--json'));
  const program = buildProgram(cli);
  try {
    await program.parseAsync(args, { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return sayUsage(cli, error, program, args);
    return sayError(cli, error);
  }
}

/** Says what commander does not take, and what to type instead; its help is written already. */
function sayUsage(cli: Cli, error: CommanderError, program: Command, args: readonly string[]): ExitCode {
  const helped = error.code === 'commander.help';
  if (error.exitCode === 0 || (helped && !cli.json)) return EXIT.done;
  const { message, next } = adviceFor(error, program, args);
  cli.emit({ event: 'error', exitCode: EXIT.usage, message, next });
  for (const line of [message, ...next]) writeLine(cli.io.stderr, line);
  return EXIT.usage;
}

function sayError(cli: Cli, error: unknown): ExitCode {
  const ofFile = fileProblem(error);
  const known = error instanceof CommandError || error instanceof ConfigError || ofFile !== undefined;
  const exitCode = error instanceof CommandError ? error.exitCode : known ? EXIT.usage : EXIT.failed;
  const message = ofFile ?? (error instanceof Error ? error.message : String(error));
  const problems = error instanceof ConfigError && error.problems.length > 0 ? { problems: error.problems } : {};
  cli.emit({ event: 'error', exitCode, message, ...problems });
  // Anything else is a fault of the command itself: its stack is what a report of it needs.
  writeLine(cli.io.stderr, known ? message : `Unexpected: ${error instanceof Error ? error.stack : message}`);
  return exitCode;
}

/** What the system says of a file that was named or is needed: no fault of the command. */
function fileProblem(error: unknown): string | undefined {
  const { code, path, syscall } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (code === undefined || path === undefined || syscall === undefined || syscall.startsWith('spawn'))
    return undefined;
  const reason = (error as Error).message.replace(/^[A-Z]+: /, '').replace(/, \w+ '.*$/s, '');
  return `${path} cannot be used: ${reason} (${code}). Correct its permissions, or name another one.`;
}
