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
  const start = stewardStart(registeredModel);
  await client.workflow.signalWithStart('driftSteward', { ...start, signal: driftAlert, signalArgs: [alert] });
  return start.workflowId;
}

/** How the steward of a model is started, by whatever comes first. */
export function stewardStart(registeredModel: string) {
  return {
    workflowId: workflowIds.steward(registeredModel),
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ registeredModel }],
    staticSummary: `Drift alerts of ${registeredModel}: one retrain for all of them`,
  };
}
