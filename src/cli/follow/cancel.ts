import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { type Session, withSession } from '../session.ts';
import { exitCodeOf, follow } from './follow.ts';
import { describe, goesOn, statusText, targetOf } from './target.ts';

/** Asks a workflow to stop, and follows its clean-up if that is wanted. */
export async function cancel(
  cli: Cli,
  workflowId: string,
  { stays, dryRun }: { stays: boolean; dryRun: boolean },
): Promise<void> {
  await withSession(cli, async (session) => {
    const description = await describe(session, workflowId);
    if (!goesOn(description)) {
      const state = statusText(description);
      cli.say(`Nothing to cancel: ${workflowId} has ended already (${state}).`);
      cli.emit({ event: 'result', state, exitCode: EXIT.done, workflowId });
      return;
    }
    if (dryRun) {
      const children = await runningUnder(session, description);
      cli.emit({ event: 'cancelRequested', dryRun, workflowId, workflow: description.type, children });
      cli.say(`Dry run, nothing was stopped. ${workflowId} (${description.type}) would be asked to stop,`);
      cli.say(children.length > 0 ? 'and with it these, which it has started:' : 'and runs no other workflow.');
      for (const child of children) cli.say(`  ${child.workflowId}  ${child.workflow}`);
      return;
    }
    await session.client.workflow.getHandle(workflowId).cancel();
    cli.say(`Asked ${workflowId} to stop.`);
    if (!stays) {
      cli.say(`"mediwatch follow ${workflowId}" shows its clean-up.`);
      cli.emit({ event: 'cancelRequested', workflowId });
      return;
    }
    // Cancelled is what was asked for; one that completed before it could be cancelled has its usual code.
    await follow(cli, session, targetOf(description), (ending) =>
      ending.state === 'cancelled' ? EXIT.done : exitCodeOf(ending),
    );
  });
}

/** A workflow that another one has started. */
interface Child {
  workflowId: string;
  workflow: string;
}

/** The workflows that run under one, each before those that it has started itself. */
async function runningUnder(session: Session, { raw }: WorkflowExecutionDescription): Promise<Child[]> {
  const below = await Promise.all(
    (raw.pendingChildren ?? []).map(async ({ workflowId, workflowTypeName }) => {
      const child = { workflowId: workflowId ?? '', workflow: workflowTypeName ?? '' };
      // One that ended meanwhile has nothing under it.
      const description = await describe(session, child.workflowId).catch(() => null);
      return [child, ...(description ? await runningUnder(session, description) : [])];
    }),
  );
  return below.flat();
}
