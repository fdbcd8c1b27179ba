import { Argument, type Command } from 'commander';
import type { Decision } from '../../contracts/approval.ts';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand, type Example } from '../help.ts';
import { user } from '../user.ts';

interface Spec {
  decision: Decision['decision'];
  about: string;
  examples: readonly Example[];
}

interface Flags {
  reason: string;
  by?: string;
  follow?: boolean;
  yes?: boolean;
  dryRun?: boolean;
}

const ID = 'id of the promotion, or of the retrain that it belongs to, as "mediwatch status" lists it';

/** Adds the command of one of the two decisions; a rejection needs a reason. */
export function addDecision(program: Command, cli: Cli, { decision, about, examples }: Spec): void {
  const command = describeCommand(program.command(decision), about, examples).addArgument(
    completing(new Argument('<id>', ID), 'promotions'),
  );
  const why = 'why, kept with the version';
  if (decision === 'reject') command.requiredOption('--reason <text>', why);
  else command.option('--reason <text>', why, '');
  if (decision === 'approve') command.option('-f, --follow', 'stay until what was approved has ended, and tell how');
  command
    .option('--by <name>', 'who decides; default: the user of this machine')
    .option('-y, --yes', 'do not ask for confirmation, which is asked for on a terminal')
    .option('--dry-run', 'only tell what would be decided, and decide nothing');
  command.action(async (id: string) => {
    const { by = user(), reason, follow = false, yes = false, dryRun = false } = command.opts<Flags>();
    const { decide } = await import('./decide.ts');
    await decide(cli, { id, decision, by, reason, follow, yes, dryRun });
  });
}
