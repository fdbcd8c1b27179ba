import type { ScheduleOverlapPolicy } from '@temporalio/client';
import { ConfigError } from '../../config.ts';
import { TASK_QUEUES } from '../../contracts/names.ts';
import type { ScheduleDeclaration, Schedules } from '../../contracts/schedules.ts';
import { issueTexts } from '../../contracts/schemas.ts';
import { WORKFLOWS } from '../../contracts/workflows.ts';
import type { ScheduleFields } from '../../domain/schedules.ts';
import { CronError, calendarOfCron } from './cron.ts';
import { fieldsOf, type Wanted } from './fields.ts';
import { problemOfTimeZone } from './timeZone.ts';

/** A declared schedule, ready to be written. */
export interface DeclaredSchedule {
  name: string;
  wanted: Wanted;
  fields: ScheduleFields;
}

/**
 * The declared schedules as Temporal takes them.
 *
 * @throws {ConfigError} naming everything that is wrong, before anything is changed
 */
export function declaredSchedules(schedules: Schedules): DeclaredSchedule[] {
  const entries = Object.entries(schedules);
  const wrong = entries.flatMap(([name, declaration]) =>
    problemsOf(declaration).map(([key, problem]) => `  schedules.${name}.${key}: ${problem}`),
  );
  if (wrong.length > 0) throw new ConfigError(`No schedule was changed. Wrong in mediwatch.yaml:\n${wrong.join('\n')}`);
  return entries.map(([name, declaration]) => {
    const wanted = wantedOf(name, declaration);
    return { name, wanted, fields: fieldsOf(wanted) };
  });
}

/** What is wrong with a declaration beyond its types: the key in it, and why. */
export function problemsOf({ workflow, input, cron, timeZone }: ScheduleDeclaration): Array<[string, string]> {
  const problems: Array<[string, string]> = [];
  if (cron !== undefined) {
    try {
      calendarOfCron(cron);
    } catch (error) {
      if (!(error instanceof CronError)) throw error;
      problems.push(['cron', error.message]);
    }
  }
  const zone = problemOfTimeZone(timeZone);
  if (zone) problems.push(['timeZone', zone]);
  const schema = WORKFLOWS[workflow].input;
  const { error } = schema.safeParse(input);
  if (error) problems.push(['input', issueTexts(error, 'the whole').join('; ')]);
  return problems;
}

function wantedOf(name: string, declaration: ScheduleDeclaration): Wanted {
  const { workflow, input, cron, every, timeZone, jitter, overlap, catchupWindow, paused, note } = declaration;
  return {
    spec: {
      calendars: cron === undefined ? [] : [calendarOfCron(cron)],
      intervals: every === undefined ? [] : [{ every: every * 1000, offset: 0 }],
      skip: [],
      timezone: timeZone,
      jitter: jitter * 1000,
    },
    action: {
      type: 'startWorkflow',
      workflowType: workflow,
      // The time of the start is appended to it.
      workflowId: name,
      taskQueue: TASK_QUEUES.orchestration,
      args: [input],
      staticSummary: `Started by the schedule ${name}`,
    },
    policies: { overlap: OVERLAPS[overlap], catchupWindow: catchupWindow * 1000, pauseOnFailure: false },
    state: { paused, note },
  };
}

/** Temporal's names of the overlap policies. */
export const OVERLAPS = {
  skip: 'SKIP',
  bufferOne: 'BUFFER_ONE',
  bufferAll: 'BUFFER_ALL',
  cancelOther: 'CANCEL_OTHER',
  terminateOther: 'TERMINATE_OTHER',
  allowAll: 'ALLOW_ALL',
} as const satisfies Record<ScheduleDeclaration['overlap'], ScheduleOverlapPolicy>;
