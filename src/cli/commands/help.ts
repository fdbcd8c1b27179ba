import type { Command } from 'commander';
import { nearest } from '../../words/suggest.ts';
import { describeCommand } from '../help.ts';

export function addHelp(program: Command): void {
  const help = describeCommand(program.command('help'), 'Shows how a command is used.', [
    ['help retrain', 'everything that a command takes'],
    ['help steward pause', 'likewise of a command under another'],
  ]).argument('[command...]', 'the words of the command');
  help.action((words: string[]) => {
    let command = program;
    for (const word of words) {
      const below = command.commands.find((one) => one.name() === word);
      if (!below) return help.error(unknown(words, word, command), { code: 'commander.unknownCommand' });
      command = below;
    }
    if (program.opts().json) outputJson(command);
    else command.outputHelp();
  });
}

/** The same text, as one document. */
function outputJson(command: Command): void {
  const { writeOut } = command.configureOutput();
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  writeOut?.(`${JSON.stringify({ help })}\n`);
}

function unknown(words: readonly string[], wrong: string, { commands }: Command): string {
  const [meant] = nearest(
    wrong,
    commands.map((one) => one.name()),
  );
  const instead = words.map((word) => (word === wrong && meant ? meant : word));
  return `error: unknown command '${words.join(' ')}'${meant ? `\nType: mediwatch help ${instead.join(' ')}` : ''}`;
}
