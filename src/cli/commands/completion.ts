import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { INSTALL, SHELLS, type Shell, scriptOf } from '../completion/scripts.ts';
import { describeCommand } from '../help.ts';
import { writeLine } from '../io.ts';

const ABOUT =
  'Prints a script that lets the shell complete commands, flags and their values, ids of workflows, versions and schedules.';

export function addCompletion(program: Command, cli: Cli): void {
  const completion = describeCommand(program.command('completion'), ABOUT, [
    ['completion bash', 'for bash; "mediwatch completion bash --help" says where it belongs'],
    ['completion zsh', 'for zsh'],
    ['completion fish', 'for fish'],
  ]);
  for (const shell of SHELLS) addShell(completion, cli, shell);
}

function addShell(completion: Command, cli: Cli, shell: Shell): void {
  describeCommand(completion.command(shell), `Prints the completion script for ${shell}.`, [
    [`completion ${shell}`, 'the script'],
  ])
    .addHelpText('after', `\n${INSTALL[shell]}\nThen open a new terminal.`)
    .action(() => {
      const script = scriptOf(shell);
      cli.emit({ shell, script });
      if (!cli.json) writeLine(cli.io.stdout, script);
    });
}
