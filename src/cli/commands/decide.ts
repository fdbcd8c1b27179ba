import { Argument, type Command } from 'commander';
import type { Decision } from '../../contracts/approval.ts';
import { type Cli, user } from '../cli.ts';
import { completing } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';

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
    const { decide } = await import('../approval.ts');
    await decide(cli, { id, decision, by, reason, follow, yes, dryRun });
  });
}

export function addApprove(program: Command, cli: Cli): void {
  addDecision(program, cli, {
    decision: 'approve',
    about: 'Approves a promotion that waits for a decision. What it rests on is shown first.',
    examples: [
      ['approve promote-2026-01-31T02-00-00-000Z', 'shows the evidence and asks'],
      ['approve promote-2026-01-31T02-00-00-000Z --follow', 'and stays until the version serves'],
      ['approve retrain-2026-01-31T02-00-00-000Z --yes --reason "agreed in the board"', 'the promotion of a retrain'],
    ],
  });
}

export function addReject(program: Command, cli: Cli): void {
  addDecision(program, cli, {
    decision: 'reject',
    about:
      'Rejects a promotion that waits for a decision. What it rests on is shown first, and Production stays as it is.',
    examples: [
      ['reject promote-2026-01-31T02-00-00-000Z --reason "worse for children"', 'shows the evidence and asks'],
    ],
  });
}
