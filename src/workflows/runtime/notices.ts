import { CancellationScope, condition, log, uuid4, workflowInfo } from '@temporalio/workflow';
import type { News } from '../../contracts/notifications.ts';
import type { CommonPlan } from '../../contracts/plans.ts';
import { truncate } from '../../contracts/text.ts';
import { pageOf } from '../../words/links.ts';
import { activities } from './activities.ts';
import { rootMessage } from './failures.ts';

/** The longest that a workflow waits for receivers that are slow; the deliveries go on without it. */
const PATIENCE = '5 seconds';

/**
 * Notifies people, where the settings name anybody. It returns when all have been notified, or after a few seconds, and
 * never throws: notifications change nothing of what a workflow does. In the middle of a workflow it need not be awaited.
 */
export async function notify(
  { notifies, registeredModel, links: { temporalUi } }: CommonPlan,
  { event, severity, title, text, links = [] }: News,
): Promise<void> {
  if (!notifies) return;
  const { workflowId } = workflowInfo();
  const notification = {
    id: uuid4(),
    event,
    severity,
    registeredModel,
    title: truncate(title, 200),
    text: truncate(text),
    links: [{ name: 'Workflow', url: pageOf(temporalUi, workflowId) }, ...links],
    workflowId,
  };
  // Whoever cancels a workflow does not take back what had happened before.
  await CancellationScope.nonCancellable(async () => {
    let isOver = false;
    const delivery = activities
      .notify(notification)
      .catch((error: unknown) => log.warn('Nobody could be notified', { event, problem: rootMessage(error) }))
      .finally(() => {
        isOver = true;
      });
    const summary = 'the longest wait for notifications to be delivered';
    await Promise.race([delivery, condition(() => isOver, PATIENCE, { summary })]);
  });
}
