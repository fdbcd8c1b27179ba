import { workflowIds } from '../contracts/ids.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import type { WorkflowName } from '../contracts/workflows.ts';
import { goesOn } from './executionStatus.ts';
import { CommandError, EXIT } from './exit.ts';
import { describe, type Target, targetOf } from './follow/target.ts';
import { metadataOf } from './metadata.ts';
import type { Session } from './session.ts';
import { user } from './user.ts';

interface Start {
  workflow: WorkflowName;
  input: { registeredModel?: string | undefined };
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
 * Starts a workflow. One of the same id that runs or has completed is never run twice; one that failed is.
 *
 * @throws {CommandError} when the id is that of such a one, unless it is to be joined and is of the same type
 */
export async function startWorkflow(session: Session, { workflow, input, id, join }: Start): Promise<Started> {
  const { client, config } = session;
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const startedAt = new Date();
  const { registeredModel = config.registry.registeredModel } = input;
  const workflowId = id ?? workflowIds.started(workflow, startedAt);
  try {
    const handle = await client.workflow.start(workflow, {
      taskQueue: TASK_QUEUES.orchestration,
      workflowId,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      args: [input],
      ...metadataOf({ workflow, input, registeredModel, by: user() }),
    });
    const { firstExecutionRunId: runId } = handle;
    return { target: { workflow, workflowId, runId, startedAt: startedAt.getTime() }, already: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const earlier = await describe(session, workflowId);
    const isSame = earlier.type === workflow;
    if (join && isSame) return { target: targetOf(earlier), already: true };
    const what = `a ${isSame ? 'workflow' : earlier.type} "${workflowId}"`;
    const next = isSame ? `Follow it with "mediwatch follow ${workflowId}", or choose` : 'Choose';
    const message = `Nothing was started: ${what} ${goesOn(earlier) ? 'runs' : 'has completed'} already. ${next} another --id.`;
    throw new CommandError(EXIT.usage, message, { cause: error });
  }
}
