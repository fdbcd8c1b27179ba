import { log } from '@temporalio/activity';
import type { Delivery, Notification } from '../contracts/notifications.ts';
import type { Notifier } from '../systems/notifications/index.ts';

export function createNotificationActivities({ notifier }: { notifier: Pick<Notifier, 'send'> }) {
  return {
    /**
     * Tells people of something. A target that cannot be told fails nothing and is not tried again by Temporal, for the
     * others would be told twice: the result and the worker's log name it.
     */
    async notify(notification: Notification): Promise<Delivery[]> {
      const deliveries = await notifier.send(notification);
      for (const { target, outcome, detail } of deliveries) {
        if (outcome === 'failed') log.warn('A notification was not delivered', { target, detail });
      }
      return deliveries;
    },
  };
}
