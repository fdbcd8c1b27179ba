import { randomUUID } from 'node:crypto';
import { type Client, isGrpcServiceError, type ScheduleDescription } from '@temporalio/client';
import {
  compileUpdatedScheduleOptions,
  encodeScheduleAction,
  encodeSchedulePolicies,
  encodeScheduleSpec,
  encodeScheduleState,
} from '@temporalio/client/lib/schedule-helpers.js';
import type { Wanted } from './fields.ts';

/** gRPC's statuses of an update that came too late: FAILED_PRECONDITION and ABORTED. */
const LOST: readonly number[] = [9, 10];

/**
 * Writes a schedule if nobody has changed it since it was described; otherwise the server drops the update, some
 * without a word: look again afterwards. The SDK's own update knows no such condition, so that a pause made in
 * between would be lost.
 */
export async function updateUnchanged(client: Client, seen: ScheduleDescription, wanted: Wanted): Promise<void> {
  const { scheduleId } = seen;
  const { options, workflowService } = client.schedule;
  const { namespace, identity, loadedDataConverter } = options;
  const { spec, action, policies, state } = compileUpdatedScheduleOptions(scheduleId, wanted);
  const header = seen.raw.schedule?.action?.startWorkflow?.header?.fields ?? {};
  const update = workflowService.updateSchedule({
    namespace,
    scheduleId,
    identity,
    requestId: randomUUID(),
    conflictToken: seen.raw.conflictToken ?? null,
    schedule: {
      spec: encodeScheduleSpec(spec),
      action: await encodeScheduleAction(loadedDataConverter, namespace, action, header),
      policies: encodeSchedulePolicies(policies),
      state: encodeScheduleState(state),
    },
  });
  await update.catch((error: unknown) => {
    if (!isGrpcServiceError(error) || !LOST.includes(error.code)) throw error;
  });
}
