import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { temporalLink } from '../links.ts';
import type { Session } from '../session.ts';
import { type Found, findSchedule } from './find.ts';
import { confirmScheduled, scheduled } from './scheduled.ts';

/** How long Temporal is given to tell which workflow it started (ms), and how often it is asked. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

export interface Trigger {
  /** Without asking. */
  yes: boolean;
  /** Only tells what would be started. */
  dryRun: boolean;
  /** Stays until its end. */
  follow: boolean;
}

/** Starts a schedule's workflow now, whatever else runs and even when it is paused. */
export async function triggerSchedule(
  cli: Cli,
  session: Session,
  name: string,
  { yes, dryRun, follow }: Trigger,
): Promise<void> {
  const found = await findSchedule(session, name);
  if (dryRun) {
    const { workflow, input } = scheduled(found);
    cli.emit({ dryRun, name, workflow, input });
    cli.say(`Dry run, nothing was started. ${name} would start ${workflow} with the input ${JSON.stringify(input)}.`);
    return;
  }
  await confirmScheduled(cli, found, yes);
  await found.handle.trigger('ALLOW_ALL');
  const workflowId = await startedSince(found);
  const url = workflowId && temporalLink(session.config, workflowId).url;
  cli.emit({ name, workflowId, url });
  if (workflowId === null) {
    cli.say(`Asked ${name} to start; Temporal does not say yet what it started. "mediwatch schedules" shows it.`);
    return;
  }
  cli.say(`Started ${workflowId}`);
  cli.say(`  ${url}`);
  if (!follow) {
    cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
    return;
  }
  const [{ follow: followIt }, { describe, targetOf }] = await Promise.all([
    import('../follow/follow.ts'),
    import('../follow/target.ts'),
  ]);
  await followIt(cli, session, targetOf(await describe(session, workflowId)));
}

async function startedSince({ handle, actual }: Found): Promise<string | null> {
  const runId = (action: Found['actual']['info']['recentActions'][number]) =>
    action.action.workflow.firstExecutionRunId;
  const before = new Set(actual.info.recentActions.map(runId));
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await delay(PAUSE_MS)) {
    const { info } = await handle.describe();
    const started = info.recentActions.find((action) => !before.has(runId(action)));
    if (started) return started.action.workflow.workflowId;
  }
  return null;
}
