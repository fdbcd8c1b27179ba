import { Agent } from 'undici';
import { z } from 'zod';
import { GatewayError } from './errors.ts';
import type { StopOptions } from './target.ts';

const Refusal = z.object({ error: z.string(), next: z.string().optional() });

interface Call {
  body?: unknown;
  /** How long the whole call may take (ms). */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** Calls of the gateway's admin API. */
export interface AdminClient {
  /**
   * @returns the status and the parsed body of an answer below 400, or of a 404
   * @throws {GatewayError} retryable when the gateway cannot be reached, does not answer in time, or answers 5xx
   */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    call?: Call,
  ): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

export function createAdminClient(adminUrl: string): AdminClient {
  const base = adminUrl.replace(/\/+$/, '');
  // The time limit of a call is its signal; a stop may drain for longer than undici's own limits.
  const agent = new Agent({ connect: { timeout: 5_000 }, headersTimeout: 0, bodyTimeout: 0 });

  const exchange = async (method: string, path: string, { body, timeoutMs = TIMEOUT_MS, signal }: Call) => {
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await agent.request({
        origin: new URL(base).origin,
        path: new URL(base + path).pathname + new URL(base + path).search,
        method: method as 'GET',
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
        signal: signal ? AbortSignal.any([limit, signal]) : limit,
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      signal?.throwIfAborted();
      const why = limit.aborted ? `no answer within ${timeoutMs / 1_000} s` : (error as Error).message;
      throw new GatewayError(`The API gateway at ${base} cannot be reached: ${why}.`, {
        retryable: true,
        cause: error,
      });
    }
  };

  return {
    async call(method, path, call = {}) {
      const { status, text } = await exchange(method, path, call);
      const body = parseJson(text);
      if (status < 400 || (status === 404 && Refusal.safeParse(body).success)) return { status, body };
      const refusal = Refusal.safeParse(body);
      const why = refusal.success
        ? [refusal.data.error, refusal.data.next].filter(Boolean).join(' ')
        : text.slice(0, 500);
      throw new GatewayError(`The API gateway answered ${method} ${path} with ${status}: ${why}`, {
        status,
        retryable: status >= 500,
      });
    },
    close: () => agent.close(),
  };
}

/**
 * Reads an answer by its schema.
 *
 * @throws {GatewayError} when something else than the gateway answered
 */
export function readAnswer<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new GatewayError(`The answer is not one of the API gateway's: ${z.prettifyError(parsed.error)}`, {
    retryable: false,
  });
}

/** The query of a call that stops an upstream. */
export function stopQuery({ drainMs, force = false }: StopOptions): string {
  return `drainMs=${Math.round(drainMs)}${force ? '&force=true' : ''}`;
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}
