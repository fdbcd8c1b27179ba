import type { Argument, Command, Option } from 'commander';
import { type Completion, completionOf } from '../flags.ts';

export interface Candidate {
  value: string;
  /** What it is, in a line; may be empty. */
  about: string;
}

/** What can stand at the cursor. */
interface Offer {
  /** Known without asking anybody. */
  candidates: Candidate[];
  /** What else there is. */
  completion: Completion | undefined;
  /** What stands before the value in the same word: `--stage=`, or nothing. */
  prefix: string;
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
  /** The flags that were typed, by their name in commander. */
  given: Record<string, string | true>;
  /** The first flag that the command does not have. */
  unknown: string | undefined;
}

/** Goes through the words that were typed, as commander does when it reads them. */
export function walk(program: Command, words: readonly string[]): Place {
  const place: Place = { command: program, operands: [], open: undefined, plain: false, given: {}, unknown: undefined };
  for (const word of words) {
    const { open, plain } = place;
    const isFlag = !plain && word.startsWith('-') && word !== '-';
    if (open && !endsValues(open, isFlag)) {
      place.given[open.attributeName()] = word;
      if (!open.variadic) place.open = undefined;
      continue;
    }
    place.open = undefined;
    if (isFlag && word === '--') place.plain = true;
    else if (isFlag) takeFlag(place, word);
    else takeWord(place, word);
  }
  return place;
}

/** Whether the next word is no value of a flag that may have none, or several. */
const endsValues = ({ optional, variadic }: Option, isFlag: boolean) => isFlag && (optional || variadic);

function takeFlag(place: Place, word: string): void {
  const [name = '', ...value] = word.split('=');
  const option = optionsOf(place.command).find(({ long, short }) => name === long || name === short);
  if (!option) {
    place.unknown ??= word;
    return;
  }
  place.given[option.attributeName()] = value.length > 0 ? value.join('=') : true;
  if ((option.required || option.optional) && value.length === 0) place.open = option;
}

function takeWord(place: Place, word: string): void {
  const below = place.operands.length === 0 && place.command.commands.find((one) => one.name() === word);
  if (below) place.command = below;
  else place.operands.push(word);
}

/** The flags of a command that its help shows, and those of the whole program. */
export function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

/**
 * What can stand at the cursor.
 *
 * @param place where the words before the current one lead
 * @param current the current word up to the cursor
 */
export function offerAt(program: Command, place: Place, current: string): Offer {
  const { command, operands, open, plain, given } = place;
  const isFlag = current.startsWith('-') && !plain;
  if (open && !endsValues(open, isFlag)) return valuesOf(open);
  if (isFlag) {
    const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
    if (value === undefined) return offer(flagsOf(command, given));
    const option = optionsOf(command).find(({ long }) => long === name);
    return option ? { ...valuesOf(option), prefix: `${name}=` } : offer([]);
  }
  if (command.name() === 'help') return helpOffer(program, operands);
  const { registeredArguments } = command;
  const commands = operands.length === 0 ? commandsOf(command) : [];
  const argument = registeredArguments[operands.length];
  if (argument) {
    const values = valuesOf(argument);
    return { ...values, candidates: [...commands, ...values.candidates] };
  }
  const isComplete = command.commands.length === 0 && operands.length === registeredArguments.length && !plain;
  return offer(isComplete ? flagsOf(command, given) : commands);
}

const offer = (candidates: Candidate[], completion?: Completion): Offer => ({ candidates, completion, prefix: '' });

const valuesOf = (of: Argument | Option) =>
  offer(
    (of.argChoices ?? []).map((value) => ({ value, about: '' })),
    completionOf(of),
  );

/** `mediwatch help` takes the words that lead to a command. */
function helpOffer(program: Command, words: readonly string[]): Offer {
  const { command, operands } = walk(program, words);
  return offer(operands.length === 0 ? commandsOf(command) : []);
}

const commandsOf = (command: Command): Candidate[] =>
  command.commands.map((one) => ({ value: one.name(), about: one.summary() }));

/** The flags that can still be given. */
function flagsOf(command: Command, given: Place['given']): Candidate[] {
  return optionsOf(command)
    .filter((option) => option.variadic || !(option.attributeName() in given))
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', about: description }));
}
