import { CronExpressionParser } from 'cron-parser';
import type { Located } from '../../config.ts';
import type { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { declaredSchedules, problemsOf } from '../../systems/schedules/declared.ts';
import { whenText } from '../schedules/list.ts';
import { type Remark, remark } from './remark.ts';

/** A schedule as it is declared, whether or not Temporal has it. */
export interface PlannedSchedule {
  name: string;
  workflow: string;
  registeredModel: string;
  when: string;
  paused: boolean;
  /** The next starts, ISO 8601, without jitter; none while it is paused. */
  next: string[];
}

const SHOWN = 3;

export function examineSchedules({ config, placeOf }: Located): { schedules: PlannedSchedule[]; remarks: Remark[] } {
  const entries = Object.entries(config.schedules);
  const remarks = entries.flatMap(([name, declaration]) =>
    problemsOf(declaration).map(([key, message]) =>
      remark('problem', { placeOf, path: ['schedules', name] }, key.split('.'), message),
    ),
  );
  if (remarks.length > 0) return { schedules: [], remarks };
  const schedules = declaredSchedules(config.schedules).map(({ name, wanted }): PlannedSchedule => {
    const declaration = config.schedules[name] as ScheduleDeclaration;
    const { workflow, input, paused } = declaration;
    const registeredModel = String(input.registeredModel ?? config.registry.registeredModel);
    const next = paused ? [] : nextStarts(declaration, new Date()).map((time) => time.toISOString());
    return { name, workflow, registeredModel, when: whenText(wanted), paused, next };
  });
  return { schedules, remarks };
}

/** Intervals are counted from 1970 on, as Temporal does. */
function nextStarts({ cron, every = 60, timeZone }: ScheduleDeclaration, now: Date): Date[] {
  if (cron !== undefined) {
    const times = CronExpressionParser.parse(cron, { tz: timeZone, currentDate: now });
    return times.take(SHOWN).map((time) => time.toDate());
  }
  const ms = every * 1000;
  const first = Math.ceil((now.getTime() + 1) / ms) * ms;
  return Array.from({ length: SHOWN }, (_, index) => new Date(first + index * ms));
}
