import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

/** The times between two at which a schedule starts something, after `start` and up to `end`, as Temporal works them out. */
export async function matchingTimes(
  { schedule }: Client,
  scheduleId: string,
  { start, end }: { start: Date; end: Date },
): Promise<Date[]> {
  const { startTime } = await schedule.workflowService.listScheduleMatchingTimes({
    namespace: schedule.options.namespace,
    scheduleId,
    startTime: timestamp(start),
    endTime: timestamp(end),
  });
  return startTime.map(({ seconds, nanos }) => new Date(Number(seconds) * 1_000 + (nanos ?? 0) / 1e6));
}

const timestamp = (time: Date) =>
  proto.google.protobuf.Timestamp.fromObject({ seconds: Math.floor(time.getTime() / 1_000) });
