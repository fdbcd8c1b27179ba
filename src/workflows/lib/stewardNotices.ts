import { log, workflowInfo } from '@temporalio/workflow';
import type { Notification } from '../../contracts/notifications.ts';
import type { Plan } from '../../contracts/plan.ts';
import { type Ending, ITSELF, type Steward } from '../../policy/steward.ts';
import { notify } from './activities.ts';
import { rootMessage } from './failures.ts';

/** Tells people that a retrain failed, and that the steward pauses if it does. Nothing waits for it. */
export function tellOfFailure(before: Steward, after: Steward, { words }: Ending, { links }: Plan): void {
  const { registeredModel } = after;
  const workflowId = before.current?.workflowId ?? workflowInfo().workflowId;
  const notice = {
    registeredModel,
    links: [{ name: 'Retrain', url: `${links.temporalUi}/${encodeURIComponent(workflowId)}` }],
    workflowId,
  };
  const next = after.rest ? `The next is not started before ${new Date(after.rest.until).toISOString()}.` : '';
  tell({
    ...notice,
    id: `${workflowId}/failed`,
    event: 'retrainFailed',
    severity: 'warning',
    title: `A retrain of ${registeredModel} after drift alerts failed`,
    text: `${words}\n\n${after.failures} failed in a row. ${next}`,
  });
  if (before.paused !== null || after.paused?.by !== ITSELF) return;
  tell({
    ...notice,
    id: `${workflowId}/paused`,
    event: 'stewardPaused',
    severity: 'critical',
    title: `The drift steward of ${registeredModel} has paused itself`,
    text: `${after.paused.reason}\n\nAlerts are kept, and start nothing until somebody types: mediwatch steward resume`,
  });
}

function tell(notification: Notification): void {
  const title = notification.title.slice(0, 200);
  notify({ ...notification, title }).catch((error: unknown) => {
    log.warn('Nobody could be told', { event: notification.event, problem: rootMessage(error) });
  });
}
