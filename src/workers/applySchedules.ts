import type { Client } from '@temporalio/client';
import { type Logger, Runtime } from '@temporalio/worker';
import type { Config } from '../config.ts';
import { reconcile, type ScheduleChange } from '../systems/schedules/reconcile.ts';

/**
 * Applies the declared schedules once, and logs what came of it. A worker runs without it too: whatever is wrong is
 * logged with what to do, and never thrown.
 */
export async function applySchedules(client: Client, { schedules }: Config): Promise<void> {
  const { logger } = Runtime.instance();
  try {
    for (const change of await reconcile(client, schedules)) tell(logger, change);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const next = 'Schedules in Temporal may not be as declared. Mend it, and run "mediwatch schedules apply".';
    logger.error(`schedules were not applied: ${problem}`, { next });
  }
}

const NEXT = {
  changedByHand: 'It was left so: "mediwatch schedules apply --overwrite" brings it back.',
  foreign: 'MediWatch did not make it and leaves it alone: rename yours in mediwatch.yaml.',
  undeclared: 'It goes on: "mediwatch schedules apply --prune" deletes it.',
};

function tell(logger: Logger, { name, outcome, updates, byHand }: ScheduleChange): void {
  const next = byHand.length > 0 ? NEXT.changedByHand : NEXT[outcome as keyof typeof NEXT];
  const meta = {
    schedule: name,
    outcome,
    ...(outcome === 'updated' && { updates }),
    ...(byHand.length > 0 && { byHand }),
    ...(next && { next }),
  };
  logger[next ? 'warn' : 'info'](`schedule ${name}: ${outcome}`, meta);
}
