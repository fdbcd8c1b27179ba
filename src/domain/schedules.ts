/** What is compared of a schedule: each field's value as text. */
export type ScheduleFields = Readonly<Record<string, string>>;

export interface Difference {
  field: string;
  /** As mediwatch.yaml says it. */
  declared: string;
  /** As Temporal has it. */
  actual: string;
}

interface Comparison {
  /** The declaration changed: these are to be brought to Temporal. */
  updates: Difference[];
  /** Somebody changed these in Temporal: they stay as they are. */
  byHand: Difference[];
  /** Fields that an update must leave as Temporal has them. */
  kept: string[];
  /** What is remembered as applied after an update. */
  record: ScheduleFields;
  /** Whether an update is needed: for a change, or so that what agrees is remembered. */
  stale: boolean;
}

interface Sides {
  declared: ScheduleFields;
  actual: ScheduleFields;
  /** What was applied last; null when that is not known any more, so that every difference counts as made by hand. */
  applied: ScheduleFields | null;
  /** The declaration wins over what was changed by hand. */
  overwrite: boolean;
}

/** Temporal's remark on a schedule, and its reason for a pause: whoever pauses or resumes rewrites it. */
const NOTE = 'note';

/**
 * Tells a change of the declaration from a change by hand: what Temporal has is compared with what was applied last.
 * A field that is missing in what was applied, by an earlier release, counts as applied as it is.
 */
export function compareSchedule({ declared, actual, applied, overwrite }: Sides): Comparison {
  const updates: Difference[] = [];
  const byHand: Difference[] = [];
  const kept: string[] = [];
  const record: Record<string, string> = {};
  let stale = false;
  for (const [field, wanted] of Object.entries(declared)) {
    const is = actual[field] ?? '';
    const before = applied === null ? undefined : (applied[field] ?? is);
    const difference = { field, declared: wanted, actual: is };
    record[field] = wanted;
    if (is === wanted) stale ||= applied?.[field] !== wanted;
    else if (overwrite || is === before) updates.push(difference);
    else if (field === NOTE && before !== undefined && before !== wanted && !pausedByHand(byHand))
      updates.push(difference);
    else {
      kept.push(field);
      record[field] = before ?? wanted;
      // A remark is no setting: it is left alone, but it is no deviation either.
      if (field !== NOTE) byHand.push(difference);
    }
  }
  return { updates, byHand, kept, record, stale: stale || updates.length > 0 };
}

/** The note of a pause is its reason. The field `paused` comes before `note`. */
const pausedByHand = (byHand: readonly Difference[]) => byHand.some(({ field }) => field === 'paused');
