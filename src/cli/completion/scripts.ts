import { readFileSync } from 'node:fs';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The completion script of a shell. Each hands over what was typed and shows what comes back; all that is known of the
 * commands stays here. It calls the program as it was typed, so that a checkout completes its own, and lets nothing but
 * values into the shell.
 */
export function scriptOf(shell: Shell): string {
  return readFileSync(new URL(`scripts/mediwatch.${shell}`, import.meta.url), 'utf8').trimEnd();
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
