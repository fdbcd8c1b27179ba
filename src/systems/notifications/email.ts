import nodemailer, { type NodemailerError } from 'nodemailer';
import type { Notification, NotificationTarget, Severity } from '../../contracts/notifications.ts';
import { type Channel, DeliveryFailed, secretOf } from './channel.ts';

type Target = Extract<NotificationTarget, { kind: 'email' }>;

/** Time for the connection, the greeting, and each further answer (ms). */
const ANSWER_MS = 10_000;

/** Sends a mail as text and as simple HTML. */
export function createEmailChannel({ from, to, smtpEnv }: Target, secrets: Readonly<Record<string, string>>): Channel {
  return {
    async deliver(notification, signal) {
      const transport = nodemailer.createTransport({
        url: checked(secretOf(secrets, smtpEnv), smtpEnv),
        connectionTimeout: ANSWER_MS,
        greetingTimeout: ANSWER_MS,
        socketTimeout: ANSWER_MS,
      });
      try {
        const { rejected } = await transport.sendMail({ from, to, ...mail(notification), signal });
        if (rejected.length > 0) throw new DeliveryFailed(`The mail server refused ${rejected.join(', ')}.`, FOR_GOOD);
      } catch (error) {
        throw error instanceof DeliveryFailed ? error : inWords(error as NodemailerError);
      } finally {
        transport.close();
      }
    },
  };
}

const FOR_GOOD = { retryable: false } as const;

function checked(url: string, variable: string): string {
  if (['smtp:', 'smtps:'].includes(URL.parse(url)?.protocol ?? '')) return url;
  throw new DeliveryFailed(
    `${variable} is not the address of a mail server, such as smtps://user:password@host.`,
    FOR_GOOD,
  );
}

const PRIORITIES = { info: 'normal', warning: 'normal', critical: 'high' } as const satisfies Record<Severity, string>;

function mail(notification: Notification) {
  const { id, event, severity, title } = notification;
  return {
    // The same for a repeated attempt, so that mail programs show one.
    messageId: `<${id.replaceAll(/[^\w.-]/g, '_')}@mediwatch>`,
    subject: `[mediwatch] ${title}`,
    priority: PRIORITIES[severity],
    headers: { 'X-Mediwatch-Event': event, 'Auto-Submitted': 'auto-generated' },
    text: plain(notification),
    html: html(notification),
  };
}

function plain({ title, text, links, registeredModel, event }: Notification): string {
  const pages = links.map(({ name, url }) => `${name}: ${url}`).join('\n');
  return [title, text, pages, `${registeredModel} · ${event}`].filter(Boolean).join('\n\n');
}

function html({ title, text, links, registeredModel, event }: Notification): string {
  const pages = links.map(({ name, url }) => `<a href="${escaped(url)}">${escaped(name)}</a>`).join(' · ');
  return [
    `<h3>${escaped(title)}</h3>`,
    `<p>${escaped(text).replaceAll('\n', '<br>\n')}</p>`,
    `<p>${pages}</p>`,
    `<p><small>${escaped(registeredModel)} · ${event}</small></p>`,
  ].join('\n');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] as string);

/** What no second attempt mends: the login, the encryption, the settings. */
const LASTING = ['EAUTH', 'ENOAUTH', 'ETLS', 'ECONFIG'];

/** A mail server says with 4xx that it may be tried again, with 5xx that it may not. */
function inWords(error: NodemailerError): DeliveryFailed {
  const { code = '', responseCode = 0, message } = error;
  return new DeliveryFailed(`The mail could not be handed over (${message}). ${whatToDo(code, responseCode)}`, {
    retryable: responseCode < 500 && !LASTING.includes(code),
    cause: error,
  });
}

function whatToDo(code: string, responseCode: number): string {
  if (code === 'EAUTH' || code === 'ENOAUTH') return 'Check user and password in the variable of "smtpEnv".';
  return responseCode >= 500 ? 'Check "from" and "to".' : 'Check the server in the variable of "smtpEnv".';
}
