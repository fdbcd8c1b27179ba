import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { modelOption, wholeFrom } from '../flags.ts';
import { describeCommand } from '../help.ts';

export function addAudit(program: Command, cli: Cli): void {
  const command = describeCommand(
    program.command('audit'),
    [
      'Shows who changed, approved and refused what',
      "; from the audit log in this host's stack.dir, which its worker writes.",
    ],
    [
      ['audit', 'the newest events'],
      ['audit verify', 'whether a line was changed, removed or cut off; exit code 1 when one was'],
    ],
  )
    .option('--limit <n>', 'the newest events only', wholeFrom(0), 20)
    .addOption(modelOption('events of this registered model only'));
  command.action(async () => {
    const { showAudit } = await import('../audit.ts');
    await showAudit(cli, command.opts<{ limit: number; registeredModel?: string }>());
  });
  const verify = describeCommand(
    command.command('verify'),
    ['Checks that every line of the audit log is as it was written', '. Exit code 1 when one is not.'],
    [['audit verify --known 3b0c…', 'and that the log up to a line whose SHA-256 was noted down is still the same']],
  ).option('--known <sha256>', 'a SHA-256 that verify showed before');
  verify.action(async () => {
    const { verifyAudit } = await import('../audit.ts');
    await verifyAudit(cli, verify.opts<{ known?: string }>().known);
  });
}
