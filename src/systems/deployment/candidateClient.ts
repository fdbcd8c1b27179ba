import { Agent } from 'undici';

export interface CandidateAnswer {
  status: number;
  /** Parsed, when it is JSON; text otherwise. */
  body: unknown;
}

/** Requests to one candidate, marked so that they stay out of its prediction log. */
export interface CandidateClient {
  /** @param limitMs how long until the whole answer is there (ms) */
  get(path: string, limitMs: number): Promise<CandidateAnswer>;
  post(path: string, body: unknown, limitMs: number): Promise<CandidateAnswer>;
  close(): Promise<void>;
}

/** No answer came; the message says why. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

const MARK = { 'x-mediwatch-verify': '1' };

export function createCandidateClient(url: string, signal?: AbortSignal): CandidateClient {
  const agent = new Agent({ connect: { timeout: 2_000 } });
  const origin = url.replace(/\/+$/, '');

  const exchange = async (method: 'GET' | 'POST', path: string, limitMs: number, body?: unknown) => {
    const limit = AbortSignal.timeout(Math.max(1, Math.round(limitMs)));
    try {
      const response = await agent.request({
        origin,
        path: path.startsWith('/') ? path : `/${path}`,
        method,
        headers: body === undefined ? MARK : { ...MARK, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([limit, signal]) : limit,
      });
      return { status: response.statusCode, body: parseJson(await response.body.text()) };
    } catch (error) {
      signal?.throwIfAborted();
      const message = limit.aborted ? `no answer within ${limitMs / 1_000} s` : (error as Error).message;
      throw new NoAnswer(message, { cause: error });
    }
  };

  return {
    get: (path, limitMs) => exchange('GET', path, limitMs),
    post: (path, body, limitMs) => exchange('POST', path, limitMs, body),
    close: () => agent.destroy(),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
