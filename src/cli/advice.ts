import type { Command, CommanderError } from 'commander';
import { nearest } from '../words/suggest.ts';
import { walk } from './completion/wanted.ts';
import { examplesOf } from './help.ts';
import { asTyped } from './views/typed.ts';

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
