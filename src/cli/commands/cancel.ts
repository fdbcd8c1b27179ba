import { Argument, type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { completing } from '../completion/declare.ts';
import { goesOn, statusText } from '../executionStatus.ts';
import { EXIT } from '../exit.ts';
import { describeCommand } from '../help.ts';
import { exitCodeOf } from '../outcome.ts';
import { type Session, withSession } from '../session.ts';

const ABOUT =
  'Asks a workflow to stop. It cleans up first: running steps are ended, and a promotion under way is put back.';

interface Flags {
  follow?: boolean;
  wait?: boolean;
  dryRun?: boolean;
}

export function addCancel(program: Command, cli: Cli): void {
  const command = describeCommand(program.command('cancel'), ABOUT, [
    ['cancel retrain-2026-01-31T02-00-00-000Z --follow', 'and stay until its clean-up is finished'],
    ['cancel retrain-2026-01-31T02-00-00-000Z --dry-run', 'which workflows would be stopped'],
  ])
    .addArgument(
      completing(new Argument('<id>', 'id of the workflow, as "mediwatch status" lists it'), 'runningWorkflows'),
    )
    .option('-f, --follow', 'stay until the clean-up is finished, and tell how it ended')
    .addOption(new Option('-w, --wait', 'the same as --follow').hideHelp())
    .option('--dry-run', 'only tell what would be stopped, and stop nothing');
  command.action(async (id: string) => {
    await withSession(cli, (session) => cancel(cli, session, id, command.opts<Flags>()));
  });
}

async function cancel(cli: Cli, session: Session, workflowId: string, flags: Flags): Promise<void> {
  const { describe, targetOf } = await import('../follow/target.ts');
  const description = await describe(session, workflowId);
  if (!goesOn(description)) {
    const state = statusText(description);
    cli.say(`Nothing to cancel: ${workflowId} has ended already (${state}).`);
    cli.emit({ event: 'result', state, exitCode: EXIT.done, workflowId });
    return;
  }
  if (flags.dryRun) {
    const { runningUnder } = await import('../follow/children.ts');
    const children = await runningUnder(session, description);
    cli.emit({ event: 'cancelRequested', dryRun: true, workflowId, workflow: description.type, children });
    cli.say(`Dry run, nothing was stopped. ${workflowId} (${description.type}) would be asked to stop,`);
    cli.say(children.length > 0 ? 'and with it these, which it has started:' : 'and runs no other workflow.');
    for (const child of children) cli.say(`  ${child.workflowId}  ${child.workflow}`);
    return;
  }
  await session.client.workflow.getHandle(workflowId).cancel();
  cli.say(`Asked ${workflowId} to stop.`);
  if (!flags.follow && !flags.wait) {
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
