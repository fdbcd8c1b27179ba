import type { ScheduleFields } from '../../domain/schedules.ts';

/** In the memo of a schedule: who made it. Temporal's SDK cannot change that memo afterwards. */
const OWNER_KEY = 'mediwatch.owner';
const OWNER = 'mediwatch';
/** In the memo of the workflows that it starts, which an update does change: what was applied last. */
const APPLIED_KEY = 'mediwatch.applied';

type Memo = Readonly<Record<string, unknown>> | undefined;

export const ownerMemo = () => ({ [OWNER_KEY]: OWNER });

/** Whether a schedule was made by us; any other is left alone. */
export const isOurs = ({ memo }: { memo?: Memo }) => memo?.[OWNER_KEY] === OWNER;

/** The memo of the workflows that a schedule starts. */
export const startMemo = (schedule: string, applied: ScheduleFields) => ({
  trigger: 'schedule',
  schedule,
  [APPLIED_KEY]: applied,
});

/** What was applied last; null when whoever changed the schedule left it out. */
export function appliedOf({ action }: { action: { memo?: Memo } }): ScheduleFields | null {
  const applied = action.memo?.[APPLIED_KEY];
  if (typeof applied !== 'object' || applied === null) return null;
  return Object.fromEntries(Object.entries(applied).map(([field, value]) => [field, String(value)]));
}
