import type { Command, CommanderError, Option } from 'commander';
import { asTyped, nearest } from '../words/suggest.ts';
import { optionsOf, walk } from './completion/line.ts';
import { EXIT_MEANINGS, type ExitCode } from './exit.ts';

export type Example = readonly [command: string, meaning: string];

/** What a command does: the line in lists of commands, and what stands behind it in its own help. */
type About = string | readonly [summary: string, more: string];

type ExitMeanings = ReadonlyArray<readonly [ExitCode, string]>;

interface Described {
  examples: readonly Example[];
  /** Exit codes that mean something else than those of the other commands. */
  meanings: ExitMeanings;
}

const DESCRIBED = new WeakMap<Command, Described>();

/** Gives a command its description, and the examples and exit codes at the end of its help. */
export function describeCommand(
  command: Command,
  about: About,
  examples: readonly Example[],
  meanings: ExitMeanings = EXIT_MEANINGS,
): Command {
  DESCRIBED.set(command, { examples, meanings });
  const [summary, more] = typeof about === 'string' ? [about, '.'] : about;
  return command
    .summary(summary)
    .description(summary + more)
    .addHelpText('after', examplesHelp(examples));
}

function examplesHelp(examples: readonly Example[]): string {
  return `\nExamples:\n${columns(examples.map(([line, meaning]) => [`mediwatch ${line}`, meaning]))}`;
}

/** The end of the help of every command. */
export function helpEnd(command: Command): string {
  const { meanings = EXIT_MEANINGS } = DESCRIBED.get(command) ?? {};
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
interface Advice {
  message: string;
  next: string[];
}

/** Explains a line that commander does not take. */
export function adviceFor({ code, message }: CommanderError, program: Command, args: readonly string[]): Advice {
  const place = walk(program, args);
  const { command, operands } = place.command.name() === 'help' ? walk(program, place.operands) : place;
  const help = `"${['mediwatch help', ...wordsOf(command)].join(' ')}" shows how it is used.`;
  const [wrong] = operands;
  // Behind a command that is mistyped nothing else is what it seems.
  if (command.commands.length > 0 && command.registeredArguments.length === 0 && wrong !== undefined) {
    const names = command.commands.map((one) => one.name());
    return withSuggestion(`error: unknown command '${wrong}'`, args, wrong, nearest(wrong, names), help);
  }
  if (code === 'commander.help') return { message: 'error: this command takes another one behind it', next: [help] };
  if (code === 'commander.unknownOption' && place.unknown !== undefined) {
    const [flag = '', ...value] = place.unknown.split('=');
    const known = optionsOf(command).flatMap(({ long }) => long ?? []);
    const meant = nearest(flag, known).map((name) => [name, ...value].join('='));
    return withSuggestion(message, args, place.unknown, meant, help);
  }
  const lacking = code === 'commander.missingArgument' ? command.registeredArguments : [];
  const example = LACKING.has(code) ? exampleWith(wrongOption(place), command) : undefined;
  return {
    message,
    next: [
      ...lacking.map((argument) => `  ${argument.name()}: ${argument.description}`),
      ...(example ? [`Such as: mediwatch ${example[0]}`] : []),
      help,
    ],
  };
}

function withSuggestion(
  message: string,
  args: readonly string[],
  wrong: string,
  meant: readonly string[],
  help: string,
): Advice {
  const [word, ...others] = meant;
  if (word === undefined) return { message, next: [help] };
  const line = args.map((arg) => asTyped(arg === wrong ? word : arg)).join(' ');
  return {
    message: `${message}\n(Did you mean ${meant.join(' or ')}?)`,
    next: [...(others.length === 0 ? [`Type: mediwatch ${line}`] : []), help],
  };
}

const LACKING = new Set([
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.invalidArgument',
]);

/** The flag that is absent, has no value, or has one that its parser refuses. */
function wrongOption({ command, open, given }: ReturnType<typeof walk>): Option | undefined {
  const refuses = ({ parseArg }: Option, value: unknown) => {
    try {
      parseArg?.(value as string, undefined);
      return false;
    } catch {
      return true;
    }
  };
  return (
    open ??
    command.options.find((option) => {
      const value = given[option.attributeName()];
      return value === undefined ? option.mandatory : refuses(option, value);
    })
  );
}

/** An example that has the flag; without one, the first. */
function exampleWith(option: Option | undefined, command: Command): Example | undefined {
  const { examples = [] } = DESCRIBED.get(command) ?? {};
  return examples.find(([line]) => line.includes(option?.long ?? ''));
}

/** `steward pause`: what is typed for a command. */
function wordsOf(command: Command): string[] {
  return command.parent ? [...wordsOf(command.parent), command.name()] : [];
}
