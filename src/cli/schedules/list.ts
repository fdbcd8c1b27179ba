import type { ScheduleDescription } from '@temporalio/client';
import { type DeclaredSchedule, declaredSchedules } from '../../systems/schedules/declared.ts';
import { describeIfThere, listOurs } from '../../systems/schedules/lookup.ts';
import { judge, type ScheduleChange } from '../../systems/schedules/reconcile.ts';
import { statusText } from '../executionStatus.ts';
import type { Session } from '../session.ts';
import { whenInWords } from './words.ts';

export interface ScheduleState {
  name: string;
  /**
   * `outdated`: the declaration changed and is not applied yet. `foreign`: there is one of that name that MediWatch did
   * not make.
   */
  state: 'as declared' | 'not applied' | 'outdated' | 'changed by hand' | 'not declared' | 'foreign';
  workflow: string;
  /** When, in words, with the time zone. */
  when: string;
  paused: boolean;
  /** Why it is paused, or the remark of the declaration. */
  note: string;
  /** The next three starts, ISO 8601; none while it is paused. */
  next: string[];
  /** The last three starts, the latest first. */
  last: Array<{ workflowId: string; startedAt: string; state: string }>;
  /** Declared, but not so in Temporal. */
  differences: ScheduleChange['updates'];
}

const SHOWN = 3;

const STATES: Record<ScheduleChange['outcome'], ScheduleState['state']> = {
  created: 'not applied',
  updated: 'outdated',
  kept: 'as declared',
  changedByHand: 'changed by hand',
  foreign: 'foreign',
  undeclared: 'not declared',
  deleted: 'not declared',
};

/** The declared schedules, then those of ours that are not declared any more. */
export async function scheduleStates(session: Session): Promise<ScheduleState[]> {
  const { client, config } = session;
  const declared = declaredSchedules(config.schedules);
  const others = (await listOurs(client)).filter((name) => !(name in config.schedules));
  return await Promise.all([
    ...declared.map(async (schedule) => {
      const actual = await describeIfThere(client, schedule.name);
      const change = judge(schedule, actual);
      return await stateOf(session, actual ?? schedule.wanted, change);
    }),
    ...others.map(async (name) => {
      const actual = await client.schedule.getHandle(name).describe();
      return await stateOf(session, actual, { name, outcome: 'undeclared', updates: [], byHand: [] });
    }),
  ]);
}

async function stateOf(
  session: Session,
  schedule: ScheduleDescription | DeclaredSchedule['wanted'],
  { name, outcome, updates, byHand }: ScheduleChange,
): Promise<ScheduleState> {
  const { paused, note = '' } = schedule.state;
  const info = 'info' in schedule ? schedule.info : undefined;
  const next = paused ? [] : (info?.nextActionTimes ?? []);
  const last = (info?.recentActions ?? []).slice(-SHOWN).reverse();
  return {
    name,
    state: STATES[outcome],
    workflow: schedule.action.workflowType,
    when: whenInWords(schedule),
    paused,
    note,
    next: next.slice(0, SHOWN).map((time) => time.toISOString()),
    last: await Promise.all(
      last.map(async ({ takenAt, action: { workflow } }) => ({
        workflowId: workflow.workflowId,
        startedAt: takenAt.toISOString(),
        state: await endOf(session, workflow.workflowId),
      })),
    ),
    // A new one differs in everything, which says nothing.
    differences: outcome === 'created' ? [] : [...updates, ...byHand],
  };
}

/** Temporal's status of a workflow in lower case; `forgotten` after its retention. */
async function endOf({ client }: Session, workflowId: string): Promise<string> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    return statusText(await client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'forgotten';
    throw error;
  }
}
