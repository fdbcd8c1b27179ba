import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';
import { type Cli, writeLine } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';

/** The completion scripts by shell, and how each is put to use. */
const SHELLS = {
  bash: `Put this line into ~/.bashrc:
  source <(mediwatch completion bash)
or, with the package bash-completion, write it once:
  mediwatch completion bash > ~/.local/share/bash-completion/completions/mediwatch`,
  zsh: `Put this line into ~/.zshrc:
  source <(mediwatch completion zsh)
or write it once into a folder of $fpath:
  mediwatch completion zsh > "$fpath[1]/_mediwatch"`,
  fish: `Write it once:
  mediwatch completion fish > ~/.config/fish/completions/mediwatch.fish`,
} as const;

export function addCompletion(program: Command, cli: Cli): void {
  const completion = describeCommand(
    program.command('completion'),
    'Prints a script that lets the shell complete commands, flags and their values, ids of workflows, versions and schedules',
    [
      ['completion bash', 'for bash; "mediwatch completion bash --help" says where it belongs'],
      ['completion zsh', 'for zsh'],
      ['completion fish', 'for fish'],
    ],
  );
  for (const [shell, installation] of Object.entries(SHELLS)) {
    describeCommand(completion.command(shell), `Prints the completion script for ${shell}`, [
      [`completion ${shell}`, 'the script'],
    ])
      .addHelpText('after', `\n${installation}\nThen open a new terminal.`)
      .action(() => {
        // Each hands over what was typed and shows what comes back: all that is known of the commands stays here.
        const file = new URL(`../completion/scripts/mediwatch.${shell}`, import.meta.url);
        const script = readFileSync(file, 'utf8').trimEnd();
        if (cli.json) cli.emit({ shell, script });
        else writeLine(cli.io.stdout, script);
      });
  }
}

export function addHelp(program: Command, cli: Cli): void {
  describeCommand(program.command('help'), 'Shows how a command is used', [
    ['help retrain', 'everything that a command takes'],
    ['help steward pause', 'likewise of a command under another'],
  ])
    .argument('[command...]', 'the words of the command')
    .action((words: string[]) => {
      let command = program;
      for (const word of words) {
        const below = command.commands.find((one) => one.name() === word);
        if (!below)
          throw new CommanderError(EXIT.usage, 'commander.unknownCommand', `error: unknown command '${word}'`);
        command = below;
      }
      if (cli.json) cli.emit({ help: helpOf(command) });
      else command.outputHelp();
    });
}

/** All that a command prints as its help. */
function helpOf(command: Command): string {
  const { writeOut } = command.configureOutput();
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  command.configureOutput(writeOut ? { writeOut } : {});
  return help;
}
