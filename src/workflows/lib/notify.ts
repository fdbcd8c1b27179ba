import { CancellationScope, condition, log, uuid4, workflowInfo } from '@temporalio/workflow';
import { truncate } from '../../contracts/errors.ts';
import type { News, Notification } from '../../contracts/notifications.ts';
import type { Plan } from '../../contracts/plan.ts';
import { pageOf } from '../../words/details.ts';
import { notify } from './activities.ts';
import { rootMessage, wasCancelled } from './failures.ts';

/** The longest that a workflow waits for receivers that are slow; the deliveries go on without it. */
const PATIENCE = '5 seconds';

/**
 * Tells people, where the plan has anybody to tell; without, it does nothing at all, as runs did that an earlier
 * release recorded. It returns when all were told, or after a few seconds, and never throws: who is told changes
 * nothing of what a workflow does. In the middle of a workflow it need not be awaited.
 */
export async function tell(plan: Plan, news: News): Promise<void> {
  if (!plan.notifications) return;
  const { event, severity, title, text, links = [] } = news;
  const { workflowId } = workflowInfo();
  const notification: Notification = {
    id: uuid4(),
    event,
    severity,
    registeredModel: plan.registeredModel,
    title: truncate(title, 200),
    text: truncate(text),
    links: [{ name: 'Workflow', url: pageOf(plan.links.temporalUi, workflowId) }, ...links],
    workflowId,
  };
  let over = false;
  // Whoever cancels a workflow does not take back what had happened before.
  await CancellationScope.nonCancellable(async () => {
    const delivery = notify(notification)
      .catch((error: unknown) => log.warn('Nobody could be told', { event, problem: rootMessage(error) }))
      .finally(() => {
        over = true;
      });
    await Promise.race([
      delivery,
      condition(() => over, PATIENCE, { summary: 'no longer than this until people are told' }),
    ]);
  });
}

interface Endings<Result> {
  /** Null: nobody is told. */
  done?(result: Result): News | null;
  /** Not asked when the workflow was cancelled: whoever did that knows. */
  failed?(error: unknown): News | null;
}

/** Awaits a run, and tells how it ended before its result, or its failure, goes on. */
export async function tellTheEnd<Result>(
  plan: Plan,
  run: Promise<Result>,
  { done, failed }: Endings<Result>,
): Promise<Result> {
  let result: Result;
  try {
    result = await run;
  } catch (error) {
    const cancelled = wasCancelled(error);
    await tellIfAny(plan, cancelled ? null : failed?.(error));
    throw error;
  }
  await tellIfAny(plan, done?.(result));
  return result;
}

async function tellIfAny(plan: Plan, news: News | null | undefined): Promise<void> {
  if (news) await tell(plan, news);
}
