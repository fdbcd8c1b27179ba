import { z } from 'zod';

/** A schedule as `mediwatch.yaml` declares it, under its name in the section `schedules`. */
export const ScheduleDeclaration = z
  .strictObject({
    workflow: z.enum(['retrain', 'driftCheck', 'prepareData', 'redeploy', 'buildImage']).describe('what is started'),
    input: z.record(z.string(), z.unknown()).default({}).describe('its input; empty: the settings of this file'),
    cron: z.string().optional().describe('when, as five cron fields such as "0 2 * * *", or @daily'),
    every: z.number().int().min(60).optional().meta({ unit: 'seconds', description: 'or how often' }),
    timeZone: z.string().default('UTC').describe('time zone of cron, such as Europe/London'),
    jitter: z
      .number()
      .int()
      .min(0)
      .default(0)
      .meta({ unit: 'seconds', description: 'each start is delayed by up to this, at random' }),
    overlap: z
      .enum(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allowAll'])
      .default('skip')
      .describe('when the one before still runs'),
    catchupWindow: z
      .number()
      .int()
      .min(10)
      .default(3600)
      .meta({ unit: 'seconds', description: 'starts missed while Temporal was down are made up for within this time' }),
    paused: z.boolean().default(false).describe('declared, but starts nothing'),
    note: z.string().max(500).default('').describe('shown in the Temporal UI'),
  })
  .refine(({ cron, every }) => (cron === undefined) !== (every === undefined), {
    message: 'Give either cron or every',
  });
export type ScheduleDeclaration = z.infer<typeof ScheduleDeclaration>;

const SCHEDULE_NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i;
/** The section `schedules`: declarations by the schedule's id. */
export const Schedules = z.record(
  z.string().regex(SCHEDULE_NAME, 'Expected letters, digits, dots, dashes and underscores'),
  ScheduleDeclaration,
);
export type Schedules = z.infer<typeof Schedules>;
