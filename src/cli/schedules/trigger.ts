import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { temporalLink } from '../links.ts';
import type { Session } from '../session.ts';
import { type Found, findSchedule } from './find.ts';

/** How long Temporal is given to tell which workflow it started (ms), and how often it is asked. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

/** Starts a schedule's workflow now, whatever else runs and even when it is paused. */
export async function triggerSchedule(cli: Cli, session: Session, name: string): Promise<void> {
  const found = await findSchedule(session, name);
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
  cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
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
