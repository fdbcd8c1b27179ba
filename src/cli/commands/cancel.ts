import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';
import { exitCodeOf } from '../outcome.ts';
import { type Session, withSession } from '../session.ts';

const ABOUT =
  'Asks a workflow to stop. It cleans up first: running steps are ended, and a promotion under way is put back.';

export function addCancel(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('cancel'), ABOUT, [
    ['cancel retrain-2026-01-31T02-00-00-000Z --wait', 'and stay until its clean-up is finished'],
  ])
    .addArgument(
      completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'runningWorkflows'),
    )
    .option('-w, --wait', 'stay until the clean-up is finished, and tell how it ended');
  command.action(async (id: string) => {
    await withSession(cli, (session) => cancel(cli, session, id, command.opts().wait === true));
  });
}

async function cancel(cli: Cli, session: Session, workflowId: string, wait: boolean): Promise<void> {
  const { describe, targetOf } = await import('../follow/target.ts');
  const description = await describe(session, workflowId);
  const { status } = description;
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') {
    const state = status.name.toLowerCase().replaceAll('_', ' ');
    cli.say(`Nothing to cancel: ${workflowId} has ended already (${state}).`);
    cli.emit({ event: 'result', state, exitCode: EXIT.done, workflowId });
    return;
  }
  await session.client.workflow.getHandle(workflowId).cancel();
  cli.say(`Asked ${workflowId} to stop.`);
  if (!wait) {
    cli.say(`"mediwatch follow ${workflowId}" shows its clean-up.`);
    cli.emit({ event: 'cancelRequested', workflowId });
    return;
  }
  const { follow } = await import('../follow/follow.ts');
  // Cancelled is what was wanted here; one that completed before it could be cancelled has its usual code.
  await follow(cli, session, targetOf(description), (ending) =>
    ending.state === 'cancelled' ? EXIT.done : exitCodeOf(ending),
  );
}
