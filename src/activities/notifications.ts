import type { Notification } from '../contracts/notifications.ts';

/** Tells people. A target that cannot be reached is its own affair; it throws when none could be told. */
export interface Notifier {
  send(notification: Notification): Promise<unknown>;
}

export function createNotificationActivities({ notifier }: { notifier?: Notifier | undefined }) {
  return {
    /** Tells people of something; without a notifier there is nobody to tell. */
    async notify(notification: Notification): Promise<void> {
      await notifier?.send(notification);
    },
  };
}
