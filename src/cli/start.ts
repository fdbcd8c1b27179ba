import { workflowIds } from '../contracts/ids.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import type { WorkflowName } from '../contracts/workflows.ts';
import { CommandError, EXIT } from './exit.ts';
import type { Target } from './follow/target.ts';
import { metadataOf } from './metadata.ts';
import type { Session } from './session.ts';
import { user } from './user.ts';

interface Start {
  workflow: WorkflowName;
  input: { registeredModel?: string | undefined };
  /** Given by whoever may start twice and wants one: a script, a cron job. */
  id: string | undefined;
}

/**
 * Starts a workflow.
 *
 * @throws {CommandError} when the id is that of one that runs or has completed: it is never run twice
 */
export async function startWorkflow({ client, config }: Session, { workflow, input, id }: Start): Promise<Target> {
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
    return { workflow, workflowId, runId: handle.firstExecutionRunId, startedAt: startedAt.getTime() };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const message =
      `Nothing was started: a workflow "${workflowId}" runs or has completed already. ` +
      `Look at it with "mediwatch status ${workflowId}", or choose another --id.`;
    throw new CommandError(EXIT.usage, message, { cause: error });
  }
}
