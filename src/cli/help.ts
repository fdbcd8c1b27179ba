import type { Command, CommanderError } from 'commander';
import { nearest } from '../words/suggest.ts';
import { walk } from './completion/line.ts';
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

/** What is wrong with a line, and what to type instead. */
export interface Advice {
  message: string;
  next: string[];
}

/** Explains a line that commander does not take. */
export function adviceFor({ code, message }: CommanderError, program: Command, args: readonly string[]): Advice {
  const { command, operands } = walk(program, args);
  const help = `"${lineOf('help', command)}" shows how it is used.`;
  const [wrong] = operands;
  // Behind a command that is mistyped nothing else is what it seems.
  if (command.commands.length > 0 && command.registeredArguments.length === 0 && wrong !== undefined) {
    const meant = nearest(
      wrong,
      command.commands.map((one) => one.name()),
    );
    const told = meant.length > 0 ? `\n(Did you mean ${meant.join(' or ')}?)` : '';
    return { message: `error: unknown command '${wrong}'${told}`, next: [...typeInstead(args, wrong, meant), help] };
  }
  if (code === 'commander.help') return { message: 'error: this command takes another one behind it', next: [help] };
  const [, flag] = /^error: unknown option '([^']+)'/.exec(message) ?? [];
  const [, meant] = /\(Did you mean (-[^,?]+)\?\)$/.exec(message) ?? [];
  if (flag !== undefined && meant !== undefined) {
    return { message, next: [...typeInstead(args, flag, [meant + flag.replace(/^[^=]*/, '')]), help] };
  }
  return { message, next: [...lackingLines(code, command), ...exampleLines(code, message, command), help] };
}

/** The line with another word in the place of a wrong one, when there is one such word only. */
function typeInstead(args: readonly string[], wrong: string, meant: readonly string[]): string[] {
  const [word, ...others] = meant;
  if (word === undefined || others.length > 0) return [];
  const at = args.indexOf(wrong);
  return [`Type: mediwatch ${args.map((arg, index) => asTyped(index === at ? word : arg)).join(' ')}`];
}

/** What each argument is, and where it is to be found. */
function lackingLines(code: string, { registeredArguments }: Command): string[] {
  if (code !== 'commander.missingArgument') return [];
  return registeredArguments.map((argument) => `  ${argument.name()}: ${argument.description}`);
}

const LACKING = new Set([
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.invalidArgument',
]);

/** An example of what is lacking; of a flag, one that has the flag. */
function exampleLines(code: string, message: string, command: Command): string[] {
  if (!LACKING.has(code)) return [];
  const [flag = ''] = /--[\w-]+/.exec(message) ?? [];
  const example = examplesOf(command).find(([line]) => line.includes(flag));
  return example ? [`Such as: mediwatch ${example[0]}`] : [];
}

/** `mediwatch help steward pause` */
function lineOf(before: string, command: Command): string {
  const words: string[] = [];
  for (let one: Command | null = command; one?.parent; one = one.parent) words.unshift(one.name());
  return ['mediwatch', before, ...words.filter((word) => word !== before)].join(' ');
}

/** An argument as it would be typed in a shell. */
export function asTyped(text: string): string {
  return /^[\w./:=@%+,<>-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
