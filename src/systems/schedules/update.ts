import { randomUUID } from 'node:crypto';
import type { Client, ScheduleDescription } from '@temporalio/client';
import {
  compileUpdatedScheduleOptions,
  encodeScheduleAction,
  encodeSchedulePolicies,
  encodeScheduleSpec,
  encodeScheduleState,
} from '@temporalio/client/lib/schedule-helpers.js';
import type { Wanted } from './fields.ts';

/**
 * Writes a schedule if nobody has changed it since it was described; otherwise the server drops the update, most
 * without a word: look again afterwards. The SDK's own update knows no such condition, so that a pause made in
 * between would be lost.
 */
export async function updateUnchanged(client: Client, seen: ScheduleDescription, wanted: Wanted): Promise<void> {
  const { scheduleId } = seen;
  const { options, workflowService } = client.schedule;
  const { namespace, identity, loadedDataConverter } = options;
  const { spec, action, policies, state } = compileUpdatedScheduleOptions(scheduleId, wanted);
  const header = seen.raw.schedule?.action?.startWorkflow?.header?.fields ?? {};
  await workflowService.updateSchedule({
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
}
