import type { Argument, Command, Option } from 'commander';
import { type Completion, completionOf } from '../flags.ts';

export interface Candidate {
  value: string;
  /** What it is, in a line; may be empty. */
  about: string;
}

/** What can stand at the cursor. */
export interface Wanted {
  /** Known without asking anybody. */
  candidates: Candidate[];
  /** What else there is. */
  completion: Completion | undefined;
  /** What stands before the value in the same word: `--stage=`, or nothing. */
  prefix: string;
  /** The flags that were typed before the cursor, by their name in commander. */
  given: Record<string, string | true>;
}

/** Where a line of words leads in the tree of commands. */
interface Place {
  command: Command;
  /** The arguments of that command that were typed. */
  operands: string[];
  /** The flag whose value comes next. */
  open: Option | undefined;
  /** No flags come any more: `--` was typed. */
  plain: boolean;
  given: Wanted['given'];
}

/** Goes through the words that were typed, as commander does when it reads them. */
export function walk(program: Command, words: readonly string[]): Place {
  const place: Place = { command: program, operands: [], open: undefined, plain: false, given: {} };
  for (const word of words) step(place, word);
  return place;
}

function step(place: Place, word: string): void {
  const { open } = place;
  const isFlag = !place.plain && word.startsWith('-') && word !== '-';
  if (open && !(isFlag && (open.optional || open.variadic))) {
    place.given[open.attributeName()] = word;
    if (!open.variadic) place.open = undefined;
    return;
  }
  place.open = undefined;
  if (word === '--' && !place.plain) place.plain = true;
  else if (isFlag) takeFlag(place, word);
  else takeWord(place, word);
}

function takeFlag(place: Place, word: string): void {
  const [name = '', ...value] = word.split('=');
  const option = optionsOf(place.command).find(({ long, short }) => name === long || name === short);
  if (!option) return;
  place.given[option.attributeName()] = value.length > 0 ? value.join('=') : true;
  if ((option.required || option.optional) && value.length === 0) place.open = option;
}

function takeWord(place: Place, word: string): void {
  const below =
    place.operands.length === 0
      ? place.command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      : undefined;
  if (below) place.command = below;
  else place.operands.push(word);
}

/** The flags of a command, and those of the whole program. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].filter(({ hidden }) => !hidden);
}

/**
 * What can stand at the cursor.
 *
 * @param words what was typed before the current word, without the name of the program
 * @param current the current word up to the cursor
 */
export function wantedAt(program: Command, words: readonly string[], current: string): Wanted {
  const { command, operands, open, plain, given } = walk(program, words);
  const count = operands.length;
  const none: Wanted = { candidates: [], completion: undefined, prefix: '', given };
  const isFlag = current.startsWith('-') && !plain;
  if (open && !(isFlag && (open.optional || open.variadic))) return { ...none, ...valuesOf(open) };
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (isFlag && name !== undefined && value !== undefined) {
    const option = optionsOf(command).find(({ long }) => long === name);
    return option ? { ...none, ...valuesOf(option), prefix: `${name}=` } : none;
  }
  if (isFlag) return { ...none, candidates: flagsOf(command, given) };
  const commands = count === 0 ? commandsOf(command) : [];
  const argument = argumentAt(command, count);
  const nothingElse = command.commands.length === 0 && count === command.registeredArguments.length && !plain;
  if (!argument) return { ...none, candidates: nothingElse ? flagsOf(command, given) : commands };
  const { candidates, completion } = command.name() === 'help' ? helped(program, words) : valuesOf(argument);
  return { ...none, candidates: [...commands, ...candidates], completion };
}

function argumentAt({ registeredArguments }: Command, count: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[count] ?? (last?.variadic ? last : undefined);
}

/** `mediwatch help` takes the words that lead to a command. */
function helped(program: Command, [, ...words]: readonly string[]): Pick<Wanted, 'candidates' | 'completion'> {
  const { command, operands } = walk(program, words);
  return { candidates: operands.length === 0 ? commandsOf(command) : [], completion: undefined };
}

/** Without the `help` that commander adds to each: `mediwatch help` has them all. */
function commandsOf(command: Command): Candidate[] {
  const help = command.createHelp();
  return help
    .visibleCommands(command)
    .filter((one) => command.commands.includes(one))
    .map((one) => ({ value: one.name(), about: help.subcommandDescription(one) }));
}

/** The flags that can still be given. */
function flagsOf(command: Command, given: Wanted['given']): Candidate[] {
  return optionsOf(command)
    .filter((option) => option.variadic || !(option.attributeName() in given))
    .flatMap(({ long, short, description }) => [{ value: long ?? short ?? '', about: description }]);
}

function valuesOf(of: Argument | Option): Pick<Wanted, 'candidates' | 'completion'> {
  const candidates = (of.argChoices ?? []).map((value) => ({ value, about: '' }));
  return { candidates, completion: completionOf(of) };
}
