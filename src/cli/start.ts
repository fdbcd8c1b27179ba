import type { WorkflowExecutionDescription } from '@temporalio/client';
import { TASK_QUEUES, workflowIds } from '../contracts/names.ts';
import type { WorkflowName } from '../contracts/workflows.ts';
import { startedWith } from '../systems/startedWith.ts';
import { goesOn } from './executionStatus.ts';
import { CommandError, EXIT } from './exit.ts';
import { describe, find, type Target, targetOf } from './follow/target.ts';
import { metadataOf } from './metadata.ts';
import type { Session } from './session.ts';
import { user } from './user.ts';

interface Start {
  workflow: WorkflowName;
  input: { registeredModel?: string | undefined; dryRun?: boolean | undefined };
  /** Given by whoever may start twice and wants one: a script, a cron job. */
  id: string | undefined;
  /** Whether one of this id that runs or has completed is as good as a new one: it is followed. */
  join: boolean;
}

/** What is followed, and whether it had been started before. */
export interface Started {
  target: Target;
  already: boolean;
}

/**
 * Looks for what is in the place of a start with a given id: one that runs or has completed is never run twice.
 *
 * @returns null when there is nothing in its way
 * @throws {CommandError} when there is, unless it is to be joined and is of the same kind
 */
export async function startedBefore(session: Session, start: Start): Promise<Started | null> {
  if (start.id === undefined || start.input.dryRun) return null;
  const earlier = await find(session, start.id);
  const isInTheWay = earlier && (goesOn(earlier) || earlier.status.name === 'COMPLETED');
  return isInTheWay ? await joined(session, start, earlier) : null;
}

/**
 * Starts a workflow. One of the same id that runs or has completed is never run twice; one that failed is, and a dry run.
 *
 * @throws {CommandError} when the id is that of such a one, unless it is to be joined and is of the same kind
 */
export async function startWorkflow(session: Session, start: Start): Promise<Started> {
  const { client, config } = session;
  const { workflow, input } = start;
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const startedAt = new Date();
  const { registeredModel = config.registry.registeredModel } = input;
  const workflowId = idOf(start, startedAt);
  try {
    const handle = await client.workflow.start(workflow, {
      taskQueue: TASK_QUEUES.orchestration,
      workflowId,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: input.dryRun ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
      args: [input],
      ...metadataOf({ workflow, input, registeredModel, by: user() }),
    });
    const { firstExecutionRunId: runId } = handle;
    return { target: { workflow, workflowId, runId, startedAt: startedAt.getTime() }, already: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return await joined(session, start, await describe(session, workflowId));
  }
}

/** Of a dry run it is another one than that of what it is the rehearsal of: neither must be taken for the other. */
function idOf({ workflow, input, id }: Start, now: Date): string {
  if (id === undefined) return workflowIds.started(workflow, now);
  return input.dryRun ? `${id}-dry-run` : id;
}

/** @throws {CommandError} unless what was started earlier is to be joined, and is of the same kind */
async function joined(
  { client }: Session,
  { workflow, input, join }: Start,
  earlier: WorkflowExecutionDescription,
): Promise<Started> {
  const isSame = earlier.type === workflow;
  // Also under the id of a real run, when it was started elsewhere.
  const isDry = isSame && !input.dryRun && (await startedWith(client, earlier)).dryRun === true;
  if (join && isSame && !isDry) return { target: targetOf(earlier), already: true };
  const { workflowId } = earlier;
  const what = isDry ? 'dry run' : isSame ? 'workflow' : earlier.type;
  const state = goesOn(earlier) ? 'runs' : 'has completed';
  const next = isSame && !isDry ? `Follow it with "mediwatch follow ${workflowId}", or choose` : 'Choose';
  throw new CommandError(
    EXIT.usage,
    `Nothing was started: a ${what} "${workflowId}" ${state} already. ${next} another --id.`,
  );
}
