import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { describeCommand } from '../help.ts';
import type { LogsWanted } from '../logs/wanted.ts';

const ABOUT =
  'Shows what the steps of a workflow wrote; live, and from any host that reaches MLflow or the shared folder of ' +
  'artifacts.store. The logs of a retrain hold those of its stages, in order of their start.';

export function addLogs(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('logs'), ABOUT, [
    ['logs retrain-2026-01-31T02-00-00-000Z', 'all of its steps'],
    ['logs retrain-2026-01-31T02-00-00-000Z --step trial-7', 'one of them'],
    ['logs retrain-2026-01-31T02-00-00-000Z --follow --tail 20', 'the last lines, and what comes until it ends'],
    ['logs retrain-2026-01-31T02-00-00-000Z --list', 'which logs there are, on which host and where'],
  ])
    .addArgument(completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'workflows'))
    .option('-s, --step <name>', 'this step: train, trial-7, the beginning of a name, or the type of a workflow')
    .option('--attempt <n>', 'this attempt of each step', counted(1))
    .option('--tail <n>', 'the last lines only', counted(0))
    .option('-f, --follow', 'stay until the workflow ends, and show what is written meanwhile')
    .addOption(new Option('-l, --list', 'show which logs there are, and not what they say').conflicts('follow'));
  command.action(async (workflowId: string) => {
    const { showLogs } = await import('../logs/show.ts');
    const { follow = false, list = false, ...which } = command.opts<Partial<LogsWanted>>();
    await showLogs(cli, { ...which, workflowId, follow, list });
  });
}

function counted(least: number) {
  return (text: string): number => {
    if (!/^\d+$/.test(text) || Number(text) < least) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} on, such as 20.`);
    }
    return Number(text);
  };
}
