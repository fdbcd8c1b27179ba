import type { Command } from 'commander';
import { EXIT_MEANINGS, type ExitCode } from './exit.ts';

export type Example = readonly [command: string, meaning: string];

const EXAMPLES = new WeakMap<Command, readonly Example[]>();

/** The examples of a command; the first is the plainest. */
export function examplesOf(command: Command): readonly Example[] {
  return EXAMPLES.get(command) ?? [];
}

/** Gives a command its description and the examples at the end of its help. */
export function describeCommand(command: Command, about: string, examples: readonly Example[]): Command {
  EXAMPLES.set(command, examples);
  const [summary = about] = about.split(/(?<=[.;:]) /);
  return command
    .summary(summary.replace(/[.;:]$/, ''))
    .description(about)
    .addHelpText('after', examplesHelp(examples));
}

type Meanings = ReadonlyArray<readonly [ExitCode, string]>;

const OWN_MEANINGS = new WeakMap<Command, Meanings>();

/** Tells in the help of a command that its exit codes mean something else than those of the others. */
export function describeExitCodes(command: Command, meanings: Meanings): Command {
  OWN_MEANINGS.set(command, meanings);
  return command;
}

function examplesHelp(examples: readonly Example[]): string {
  return `\nExamples:\n${columns(examples.map(([line, meaning]) => [`mediwatch ${line}`, meaning]))}`;
}

/** What ends the help of every command. */
export function helpEnd(command: Command): string {
  const meanings = OWN_MEANINGS.get(command) ?? EXIT_MEANINGS;
  return `
Exit codes:
${columns(meanings.map(([code, meaning]) => [String(code), meaning]))}

Environment:
${columns([
  ['MEDIWATCH_CONFIG', "the mediwatch.yaml to use; default: the one here, or the project's"],
  ['MEDIWATCH_<SECTION>_<KEY>', 'a setting, such as MEDIWATCH_SEARCH_TRIALS for search.trials'],
  ['TEMPORAL_ADDRESS', 'host:port of Temporal; also TEMPORAL_NAMESPACE, TEMPORAL_API_KEY'],
  ['MLFLOW_TRACKING_URI', 'address of MLflow; also its _TOKEN, _USERNAME and _PASSWORD'],
  ['NO_COLOR', 'no colours'],
])}`;
}

/** What follows the commands in the help of the program itself. */
export const PROGRAM_HELP = `${examplesHelp([
  ['retrain --follow', 'make a new version from the data, and bring it to Production if it is good enough'],
  ['status', 'see what serves, and what runs'],
  ['rollback', 'go back to the version before'],
  ['help retrain', 'everything that a command takes'],
])}

"npm start" in the project starts all that the commands need: Temporal, MLflow, a worker and the API.

Output for programs:
  With --json, stdout carries JSON and nothing else; messages go to stderr. A command that follows a workflow prints
  one document a line: {"event":"started"}, then {"event":"progress"} and {"event":"notice"} at each change, and
  {"event":"result"} as the last line. Every other command prints one document. An error is {"event":"error"}.`;

function columns(rows: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}
