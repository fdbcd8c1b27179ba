import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describeCommand } from '../help.ts';
import { modelOption } from '../model.ts';

const ABOUT =
  'Looks at everything that a retrain and the API need, and says what is wrong and which command mends it: ' +
  'Temporal, workers, MLflow, the registry, the API, the prediction log, the data, Docker, disk and ports.';

export function addDoctor(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('doctor'), ABOUT, [
    ['doctor', 'everything; the exit code is 1 when there is a problem'],
    ['doctor --fix-aliases', 'and make the aliases champion and previous agree with the stages'],
    ['doctor --json | jq .checks', 'for a monitor'],
  ])
    .option('--fix-aliases', 'reconcile stages and aliases first, unless a workflow is changing them')
    .addOption(modelOption('look at this model alone; default: at all of them'));
  command.action(async () => {
    const { examine } = await import('../doctor/examine.ts');
    const { fixAliases = false, registeredModel } = command.opts<{ fixAliases?: boolean; registeredModel?: string }>();
    await examine(cli, { fixAliases, registeredModel });
  });
}
