import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { nearest } from '../../words/suggest.ts';
import { type Cli, writeLine } from '../cli.ts';
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

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The completion script of a shell. Each hands over what was typed and shows what comes back; all that is known of the
 * commands stays here. It calls the program as it was typed, so that a checkout completes its own, and lets nothing but
 * values into the shell.
 */
export function scriptOf(shell: Shell): string {
  return readFileSync(new URL(`../completion/scripts/mediwatch.${shell}`, import.meta.url), 'utf8').trimEnd();
}

/** How the script of each shell is put to use. */
export const INSTALL: Record<Shell, string> = {
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
};
