import type { Command } from 'commander';
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
      if (!below)
        return help.error(`error: unknown command '${words.join(' ')}'`, { code: 'commander.unknownCommand' });
      command = below;
    }
    command.outputHelp();
  });
}
