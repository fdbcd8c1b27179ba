import { z } from 'zod';

/** A schedule as `mediwatch.yaml` declares it, under its name in the section `schedules`. */
export const ScheduleDeclaration = z
  .strictObject({
    workflow: z.enum(['retrain', 'driftCheck', 'prepareData', 'redeploy', 'buildImage']).describe('what is started'),
    input: z.record(z.string(), z.unknown()).default({}).describe('its input; empty: the settings of this file'),
    cron: z.string().optional().describe('when, as five cron fields such as "0 2 * * *", or @daily'),
    every: z.coerce.number().int().min(60).optional().describe('or how often (seconds)'),
    timeZone: z.string().default('UTC').describe('time zone of cron, such as Europe/London'),
    jitter: z.coerce
      .number()
      .int()
      .min(0)
      .default(0)
      .describe('each start is delayed by up to this, at random (seconds)'),
    overlap: z
      .enum(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'terminateOther', 'allowAll'])
      .default('skip')
      .describe('when the one before still runs'),
    catchupWindow: z.coerce
      .number()
      .int()
      .min(10)
      .default(3600)
      .describe('starts missed while Temporal was down are made up for within this time (seconds)'),
    paused: z.boolean().default(false).describe('declared, but starts nothing'),
    note: z.string().max(500).default('').describe('shown in the Temporal UI'),
  })
  .refine(({ cron, every }) => (cron === undefined) !== (every === undefined), {
    message: 'Give either cron or every',
  });
export type ScheduleDeclaration = z.infer<typeof ScheduleDeclaration>;

export const SCHEDULE_NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i;
/** The section `schedules`: declarations by the schedule's id. */
export const Schedules = z.record(
  z.string().regex(SCHEDULE_NAME, 'Expected letters, digits, dots, dashes and underscores'),
  ScheduleDeclaration,
);
export type Schedules = z.infer<typeof Schedules>;
