import { scheduleStates } from '../schedules/list.ts';
import type { Session } from '../session.ts';

/** A schedule and its next start. */
export interface NextStart {
  name: string;
  workflow: string;
  /** ISO 8601; null: it is paused, or not in Temporal. */
  at: string | null;
  /** As `mediwatch schedules` calls it, such as `as declared`. */
  state: string;
}

const LIMIT_MS = 3_000;

/** When each schedule starts next, the soonest first; null when that cannot be told: `mediwatch schedules` says why. */
export async function nextStarts(session: Session): Promise<NextStart[] | null> {
  try {
    const states = await session.client.withDeadline(Date.now() + LIMIT_MS, () => scheduleStates(session));
    return states
      .map(({ name, workflow, state, next }) => ({ name, workflow, at: next[0] ?? null, state }))
      .toSorted((a, b) => (a.at ?? '~').localeCompare(b.at ?? '~'));
  } catch {
    return null;
  }
}
