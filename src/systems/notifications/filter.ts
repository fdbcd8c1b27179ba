import { type Notification, type NotificationTarget, SEVERITIES } from '../../contracts/notifications.ts';

/** Why a target does not want a notification; null: it does. */
export function whyFiltered({ events, minSeverity }: NotificationTarget, told: Notification): string | null {
  if (events && !events.includes(told.event)) return `its events do not name ${told.event}`;
  if (SEVERITIES.indexOf(told.severity) < SEVERITIES.indexOf(minSeverity)) {
    return `${told.severity} is below its minSeverity, ${minSeverity}`;
  }
  return null;
}
