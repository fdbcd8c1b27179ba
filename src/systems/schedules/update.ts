import {
  type Client,
  isGrpcServiceError,
  ScheduleClient,
  type ScheduleDescription,
  ServiceError,
} from '@temporalio/client';
import type { Wanted } from './fields.ts';

/** gRPC's statuses of an update that came too late: FAILED_PRECONDITION and ABORTED. */
const LOST: readonly number[] = [9, 10];

/**
 * Writes a schedule if nobody has changed it since it was described; otherwise the server drops the update, some
 * without a word: look again afterwards.
 */
export async function updateUnchanged(client: Client, seen: ScheduleDescription, wanted: Wanted): Promise<void> {
  try {
    await conditional(client, seen)
      .getHandle(seen.scheduleId)
      .update(() => wanted);
  } catch (error) {
    const cause = error instanceof ServiceError ? error.cause : error;
    if (!isGrpcServiceError(cause) || !LOST.includes(cause.code)) throw cause;
  }
}

/** A client whose updates name what they rest on. The SDK's name nothing, and would undo a pause made in between. */
function conditional({ schedule }: Client, { raw }: ScheduleDescription): ScheduleClient {
  const { options, connection, workflowService } = schedule;
  const conflictToken = raw.conflictToken ?? null;
  const updateSchedule = (request: Parameters<typeof workflowService.updateSchedule>[0]) =>
    workflowService.updateSchedule({ ...request, conflictToken });
  const service = Object.create(workflowService, { updateSchedule: { value: updateSchedule } });
  return new ScheduleClient({
    ...options,
    dataConverter: options.loadedDataConverter,
    connection: Object.create(connection, { workflowService: { value: service } }),
  });
}
