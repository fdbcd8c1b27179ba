import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import { redactData } from '../../config/redaction.ts';
import { type Address, type MlflowAuth, parseAddress } from './address.ts';
import { type Answer, parseAnswer, refusal } from './answers.ts';
import { createDispatcher, type Way } from './dispatcher.ts';
import { MlflowError } from './errors.ts';
import { networkError } from './networkErrors.ts';
import { retrying } from './retry.ts';

export interface CallOptions {
  /** Gives the call up; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface Call extends CallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's address, such as `/api/2.0/mlflow/runs/get`. */
  path: string;
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON, without secrets. */
  json?: unknown;
  /** Sent as it is; made again for every attempt. */
  upload?: { body: () => Readable; sizeBytes: number };
  /** Whether it may be repeated when nobody knows if it was carried out; by default a GET may. */
  idempotent?: boolean;
}

export interface TransportOptions extends MlflowAuth, Way {
  /** Address of the tracking server, with its path prefix if it has one. */
  uri: string;
  /** Longest time for a call with its retries (ms); for a transfer, longest time without progress. */
  timeoutMs: number;
  /** How often a call is tried again (default 3). */
  retries?: number;
}

/** HTTP to one MLflow server: time limits, retries and errors are settled here, and only here. */
export interface Transport {
  readonly address: Address;
  /** A call whose answer is JSON of this shape. */
  json<Schema extends z.ZodType>(call: Call, schema: Schema): Promise<z.infer<Schema>>;
  /** A call whose answer is short text. */
  text(call: Call): Promise<string>;
  /** A call that moves a file up or down; the answer's body goes to `read`, which starts over on every attempt. */
  transfer<Value>(call: Call, read: (body: Readable) => Promise<Value>): Promise<Value>;
  close(): Promise<void>;
}

/** A server that stores a file in another place afterwards answers late: this much more time for each byte (ms). */
const STORING_MS_PER_BYTE = 1 / 1_000;

/** @throws {MlflowError} when the address is not one of an HTTP server, or the certificates cannot be read */
export function createTransport(options: TransportOptions): Transport {
  const { timeoutMs, retries = 3 } = options;
  const address = parseAddress(options.uri, options);
  const dispatcher = createDispatcher(address.base, options, timeoutMs);
  const by = options.proxy === undefined ? '' : ` by the proxy ${withoutLogin(options.proxy)}`;

  async function attempt<Value>(
    call: Call,
    stallMs: number,
    signal: AbortSignal | undefined,
    read: (response: Dispatcher.ResponseData, subject: string) => Promise<Value>,
  ): Promise<Value> {
    const subject = `${call.method} ${call.path} on MLflow at ${address.base}${by}`;
    try {
      const response = await dispatcher.request({ ...toRequest(call, address, stallMs), signal: signal ?? null });
      if (response.statusCode >= 300) throw refusal(await toAnswer(response, subject, address));
      return await read(response, subject);
    } catch (error) {
      if (signal?.aborted) throw timedOut(subject, timeoutMs, error);
      throw networkError(subject, error) ?? error;
    }
  }

  async function perform<Value>(
    call: Call,
    stallMs: number,
    signal: AbortSignal | undefined,
    read: (response: Dispatcher.ResponseData, subject: string) => Promise<Value>,
  ): Promise<Value> {
    call.signal?.throwIfAborted();
    const idempotent = call.idempotent ?? call.method === 'GET';
    try {
      return await retrying(() => attempt(call, stallMs, signal, read), { retries, idempotent, signal });
    } catch (error) {
      call.signal?.throwIfAborted();
      throw error;
    }
  }

  /** Short calls: one time limit over everything, retries included. */
  async function short<Value>(call: Call, parse: (answer: Answer) => Value): Promise<Value> {
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = call.signal ? AbortSignal.any([call.signal, limit]) : limit;
    return await perform(call, 0, signal, async (response, subject) =>
      parse(await toAnswer(response, subject, address)),
    );
  }

  return {
    address,
    json: async (call, schema) => await short(call, (answer) => parseAnswer(answer, schema)),
    text: async (call) => await short(call, (answer) => answer.text),
    transfer: async (call, read) => await perform(call, timeoutMs, call.signal, async ({ body }) => await read(body)),
    close: async () => await dispatcher.destroy(),
  };
}

const withoutLogin = (address: string) => address.replace(/\/\/[^/]*@/, '//');

/** @param stallMs longest time without progress; 0 when the signal limits the whole call */
function toRequest(call: Call, { base, authorization }: Address, stallMs: number) {
  const { method, path, query = {}, json, upload } = call;
  const url = new URL(`${base}${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.append(name, String(value));
  }
  const headers = {
    accept: 'application/json, */*;q=0.5',
    ...(authorization && { authorization }),
    ...(json !== undefined && { 'content-type': 'application/json' }),
    ...(upload && { 'content-type': 'application/octet-stream', 'content-length': String(upload.sizeBytes) }),
  };
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers,
    body: upload ? upload.body() : json === undefined ? null : JSON.stringify(redactData(json)),
    headersTimeout: stallMs && stallMs + Math.ceil((upload?.sizeBytes ?? 0) * STORING_MS_PER_BYTE),
    bodyTimeout: stallMs,
  };
}

async function toAnswer(response: Dispatcher.ResponseData, subject: string, { host }: Address): Promise<Answer> {
  const header = (name: string) => String(response.headers[name] ?? '');
  const text = await response.body.text();
  return {
    subject,
    host,
    status: response.statusCode,
    contentType: header('content-type'),
    location: header('location'),
    text,
  };
}

function timedOut(subject: string, timeoutMs: number, cause: unknown): MlflowError {
  // The last attempt's own error says more than "too late".
  if (cause instanceof MlflowError) return cause;
  const message = `${subject}: no answer within ${timeoutMs / 1_000} s.`;
  return new MlflowError(message, { code: 'TIMEOUT', retryable: true, cause });
}
