import { Agent, type Dispatcher } from 'undici';
import { causeText } from '../contracts/errors.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Parsed when it is JSON, text otherwise. */
  body: unknown;
}

/** Nothing came back; the message says why. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

interface Question {
  method?: 'GET' | 'POST' | 'DELETE';
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** The way there; it is closed afterwards. Default: no proxy, and the certificates that everybody knows. */
  dispatcher?: Dispatcher;
}

/** A question's limit: a person waits (ms). */
const LIMIT_MS = 5_000;
/** More of an answer than this is not read (bytes). */
const BODY_LIMIT = 1_000_000;

/**
 * Asks once over HTTP; redirects are not followed.
 *
 * @throws {NoAnswer} when nothing came back in time
 */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, signal } = question;
  const limit = AbortSignal.timeout(LIMIT_MS);
  const agent = question.dispatcher ?? new Agent({ connect: { timeout: LIMIT_MS }, maxResponseSize: BODY_LIMIT });
  try {
    const { origin, pathname, search } = new URL(url);
    const response = await agent.request({
      origin,
      path: pathname + search,
      method,
      headers,
      signal: signal ? AbortSignal.any([limit, signal]) : limit,
    });
    return { status: response.statusCode, headers: response.headers, body: parsed(await response.body.text()) };
  } catch (error) {
    throw new NoAnswer(limit.aborted ? `no answer within ${LIMIT_MS / 1000} s` : causeText(error), { cause: error });
  } finally {
    await agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A base address without the slashes at its end. */
export function baseOf(url: string): string {
  return url.replace(/\/+$/, '');
}
