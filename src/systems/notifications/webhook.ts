import type { Dispatcher } from 'undici';
import type { NotificationTarget } from '../../contracts/notifications.ts';
import { signedHeaders } from '../signature.ts';
import { type Channel, secretOf } from './channel.ts';
import { postJson } from './http.ts';

type Target = Extract<NotificationTarget, { kind: 'webhook' }>;

/** Posts the notification as it is; signed like our own webhook demands it, when there is a secret. */
export function createWebhookChannel(
  { url, secretEnv }: Target,
  secrets: Readonly<Record<string, string>>,
  dispatcher: Dispatcher,
): Channel {
  return {
    async deliver(notification, signal) {
      const body = JSON.stringify(notification);
      // With the time of this attempt, so that a late one is not taken for a replay.
      const headers = secretEnv ? signedHeaders(secretOf(secrets, secretEnv), url, body, new Date()) : {};
      await postJson(dispatcher, { url, body, headers, signal });
    },
  };
}
