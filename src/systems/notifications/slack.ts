import type { Dispatcher } from 'undici';
import type { Notification, NotificationTarget, Severity } from '../../contracts/notifications.ts';
import { truncate } from '../../contracts/text.ts';
import { type Channel, secretOf } from './channel.ts';
import { postJson } from './http.ts';

type Target = Extract<NotificationTarget, { kind: 'slack' }>;

/** Posts to an incoming webhook of Slack, or of what takes the same payload, such as Mattermost. */
export function createSlackChannel(
  { urlEnv }: Target,
  secrets: Readonly<Record<string, string>>,
  dispatcher: Dispatcher,
): Channel {
  return {
    async deliver(notification, signal) {
      const url = secretOf(secrets, urlEnv);
      await postJson(dispatcher, { url, body: JSON.stringify(slackPayload(notification)), signal });
    },
  };
}

const SYMBOLS: Record<Severity, string> = {
  info: ':information_source:',
  warning: ':warning:',
  critical: ':rotating_light:',
};

/** Slack refuses a section with more characters than 3,000. */
const SECTION_LIMIT = 3_000;

/** `text` carries everything, for receivers that know no blocks. */
function slackPayload({ severity, title, text, links, event, registeredModel }: Notification) {
  const headline = `${SYMBOLS[severity]} *${escaped(title)}*`;
  const pages = links.map(({ name, url }) => `<${addressed(url)}|${escaped(name).replaceAll('|', '/')}>`).join(' · ');
  const about = `${escaped(registeredModel)} · ${event}`;
  const section = (content: string) => ({ type: 'section', text: { type: 'mrkdwn', text: cut(content) } });
  return {
    text: [headline, escaped(text), pages].filter(Boolean).join('\n'),
    blocks: [
      section(headline),
      ...(text ? [section(escaped(text))] : []),
      { type: 'context', elements: [{ type: 'mrkdwn', text: cut([about, pages].filter(Boolean).join(' · ')) }] },
    ],
  };
}

/** The three characters that mean something to Slack. */
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** What would end an address is encoded; what is encoded already stays as it is. */
const addressed = (url: string) => url.replaceAll(/[\s<>|]/g, encodeURIComponent);

const cut = (text: string) => truncate(text, SECTION_LIMIT);
