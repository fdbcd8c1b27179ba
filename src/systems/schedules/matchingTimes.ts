import type { Client } from '@temporalio/client';
import { optionalDateToTs, tsToDate } from '@temporalio/common/lib/time.js';

/** The times between two at which a schedule starts something, after `start` and up to `end`, as Temporal works them out. */
export async function matchingTimes(
  { schedule }: Client,
  scheduleId: string,
  { start, end }: { start: Date; end: Date },
): Promise<Date[]> {
  const { startTime } = await schedule.workflowService.listScheduleMatchingTimes({
    namespace: schedule.options.namespace,
    scheduleId,
    startTime: optionalDateToTs(start) ?? null,
    endTime: optionalDateToTs(end) ?? null,
  });
  return startTime.map(tsToDate);
}
