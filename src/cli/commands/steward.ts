import type { Command } from 'commander';
import { type Cli, user } from '../cli.ts';
import { modelOption, type Switches, YES_FLAG } from '../flags.ts';
import { describeCommand, type Example } from '../help.ts';

interface StewardFlags extends Switches<'yes' | 'dryRun'> {
  registeredModel?: string;
  reason: string;
  by?: string;
}

export function addSteward(program: Command, cli: Cli): void {
  const steward = describeCommand(
    program.command('steward'),
    ['Shows and steers the steward of a model, which takes drift alerts and retrains once for all of them', '.'],
    [
      ['steward', 'what it is doing, and which alerts are pending'],
      ['steward pause --reason "holidays"', 'count alerts, but start nothing'],
      ['steward resume', 'go on; what came meanwhile is decided'],
      ['steward retrain-now', 'whatever the cooldown says'],
    ],
  );
  const status = describeCommand(
    steward.command('status', { isDefault: true }),
    ['Shows what the steward is doing', ': its phase, alerts that are pending, its last retrain.'],
    [['steward status --json | jq .state.phase', 'for a script']],
  ).addOption(modelOption());
  status.action(async () => {
    const { showSteward } = await import('../drift/steward.ts');
    await showSteward(cli, status.opts<StewardFlags>().registeredModel);
  });
  const add = (act: 'pause' | 'resume' | 'retrain-now', about: [string, string], examples: readonly Example[]) => {
    const command = describeCommand(steward.command(act), about, examples)
      .option('--reason <text>', 'why, kept by the steward', '')
      .option('--by <name>', 'who asks for it; default: the user of this machine')
      .addOption(modelOption());
    command.action(async () => {
      const { by = user(), reason, registeredModel, yes = false, dryRun = false } = command.opts<StewardFlags>();
      const { steer } = await import('../drift/steward.ts');
      await steer(cli, { act, by, reason, registeredModel, yes, dryRun });
    });
    return command;
  };
  add(
    'pause',
    ['Pauses the steward', ': alerts are counted and kept, and start nothing.'],
    [['steward pause --reason "holidays"', 'until it is resumed']],
  );
  add(
    'resume',
    ['Lets the steward go on', ': alerts that came meanwhile are decided.'],
    [['steward resume', 'after a pause, its own after failures too']],
  );
  add(
    'retrain-now',
    ['Has the steward retrain, whatever a cooldown or a pause says', '.'],
    [
      ['steward retrain-now --reason "new codes since Monday"', 'refused while a retrain is under way'],
      ['steward retrain-now --dry-run', 'whether it would be refused, and what would be retrained'],
    ],
  )
    .option(...YES_FLAG)
    .option('--dry-run', 'only say what it would do, and start nothing');
}
