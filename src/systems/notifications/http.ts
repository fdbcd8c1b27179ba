import type { Dispatcher } from 'undici';
import { decoded } from '../../config/secrets.ts';
import { DeliveryFailed } from './channel.ts';

interface Post {
  /** Of the receiver; what lies behind its host may be secret. */
  url: string;
  body: string;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

/** Characters of a refusal that are told. */
const QUOTED = 200;

/**
 * Posts JSON, and is content with any status of success.
 *
 * @throws {DeliveryFailed} retryable after a network failure, 429, or a fault of the receiver
 */
export async function postJson(dispatcher: Dispatcher, { url, body, headers = {}, signal }: Post): Promise<void> {
  const { origin, host, path, authorization } = parse(url);
  const response = await dispatcher
    .request({
      origin,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization, ...headers },
      body,
      signal,
    })
    .catch((cause: unknown) => {
      throw unreachable(host, cause);
    });
  const text = await beginning(response.body);
  const { statusCode: status } = response;
  if (status < 200 || status > 299) throw refused(host, status, text, response.headers['retry-after']);
}

function parse(url: string) {
  const parsed = URL.parse(url);
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new DeliveryFailed('Its address is not one of HTTP. Correct it, such as https://example.org/hook.', {
      retryable: false,
    });
  }
  const { origin, host, pathname, search, username, password } = parsed;
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  const authorization = username ? { authorization: `Basic ${credentials}` } : {};
  return { origin, host, path: pathname + search, authorization };
}

/** The beginning of an answer; the rest of a long one is left unread. */
async function beginning(body: Dispatcher.ResponseData['body']): Promise<string> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += chunk;
      if (text.length > QUOTED) break;
    }
  } catch {
    // The status has been said; an answer that breaks off changes nothing.
  }
  return text.slice(0, QUOTED).trim();
}

function unreachable(host: string, cause: unknown): DeliveryFailed {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new DeliveryFailed(`${host} cannot be reached (${code ?? message}). Check its address and the network.`, {
    retryable: true,
    cause,
  });
}

function refused(
  host: string,
  status: number,
  text: string,
  retryAfter: string | string[] | undefined,
): DeliveryFailed {
  const seconds = Number(retryAfter);
  return new DeliveryFailed(`${host} answered ${status}${text && `: ${text}`}. ${whatToDo(status)}`, {
    retryable: status === 429 || status >= 500,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : 0,
  });
}

function whatToDo(status: number): string {
  if (status === 429) return 'It wants fewer notifications: narrow "events" or raise "minSeverity".';
  if (status >= 500) return 'It has a fault of its own: look there.';
  if (status < 400) return 'Name the address that it refers to.';
  if (status === 401 || status === 403) return 'Check the address and its secret.';
  return status === 404 || status === 410
    ? 'Check the address: nothing takes notifications there.'
    : 'Check the address.';
}
