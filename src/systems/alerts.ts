import type { Client } from '@temporalio/client';
import type { z } from 'zod';
import { workflowIds } from '../contracts/ids.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { type DriftAlert, driftAlert } from '../contracts/steward.ts';

/**
 * Tells the steward of a model that its data have drifted; the first alert starts the steward. It returns when Temporal
 * has the alert on disk: from then on it is not lost.
 *
 * @returns id of the steward's workflow
 * @throws what the Temporal client throws when the server does not answer or refuses
 */
export async function raiseAlert(
  client: Client,
  registeredModel: string,
  alert: z.input<typeof DriftAlert>,
): Promise<string> {
  const workflowId = workflowIds.steward(registeredModel);
  await client.workflow.signalWithStart('driftSteward', {
    workflowId,
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ registeredModel }],
    signal: driftAlert,
    signalArgs: [alert],
    staticSummary: `Drift alerts of ${registeredModel}: one retrain for all of them`,
  });
  return workflowId;
}
