import { Agent, type Dispatcher } from 'undici';
import { z } from 'zod';
import { Instance, type InstanceSpec, Status, TrafficShifted, UpstreamList } from '../../contracts/gateway.ts';
import { truncate } from '../../contracts/text.ts';
import { type GatewayAddress, readAdminToken } from '../adminToken.ts';
import { GatewayError, type StopOptions } from './target.ts';

const TIMEOUT_MS = 15_000;
/** Beyond the drain, stopping takes the grace of a process and the end of what it started (ms). */
const STOP_MARGIN_MS = 30_000;

const Refusal = z.object({ error: z.string(), next: z.string().optional() });

interface Call {
  body?: unknown;
  /** How long the whole call may take (ms). */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Calls of the gateway's admin API. All throw {@link GatewayError}, retryable when the gateway cannot be reached, does
 * not answer in time, or answers 5xx.
 */
export function createGatewayClient({ adminUrl, tokenFile }: GatewayAddress) {
  const [, socketPath] = /^unix:(.+)$/.exec(adminUrl) ?? [];
  const base = new URL(socketPath ? 'http://localhost' : adminUrl.replace(/\/+$/, ''));
  // The time limit of a call is its signal; a stop may drain for longer than undici's own limits.
  const connect = { timeout: 5_000, ...(socketPath && { socketPath }) };
  const agent = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 });

  /** A socket asks for none. */
  async function credential(): Promise<Record<string, string>> {
    if (socketPath || !tokenFile) return {};
    const token = await readAdminToken(tokenFile).catch((error: Error) => {
      throw new GatewayError(error.message, { retryable: false, cause: error });
    });
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** Gives the parsed body of an answer below 400; undefined for the gateway's own 404. */
  async function call(method: Dispatcher.HttpMethod, path: string, options: Call = {}): Promise<unknown> {
    const { status, text } = await exchange(method, path, options);
    const body = parseJson(text);
    if (status < 400) return body;
    const refusal = Refusal.safeParse(body);
    if (status === 404 && refusal.success) return undefined;
    const why = refusal.success
      ? [refusal.data.error, refusal.data.next].filter(Boolean).join(' ')
      : truncate(text, 500);
    const message = `The API gateway answered ${method} ${path} with ${status}: ${why}`;
    throw new GatewayError(message, { status, retryable: status >= 500 });
  }

  async function exchange(method: Dispatcher.HttpMethod, path: string, { body, timeoutMs = TIMEOUT_MS, signal }: Call) {
    const limit = AbortSignal.timeout(timeoutMs);
    const authorization = await credential();
    const json = { 'content-type': 'application/json' };
    try {
      const response = await agent.request({
        origin: base.origin,
        path: base.pathname.replace(/\/$/, '') + path,
        method,
        headers: { ...authorization, ...(body !== undefined && json) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([limit, signal]) : limit,
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      signal?.throwIfAborted();
      const why = limit.aborted ? `no answer within ${timeoutMs / 1_000} s` : (error as Error).message;
      const message = `The API gateway at ${adminUrl} cannot be reached: ${why}.`;
      throw new GatewayError(message, { retryable: true, cause: error });
    }
  }

  const status = async (options: Pick<Call, 'timeoutMs' | 'signal'> = {}) =>
    read(Status, await call('GET', '/status', options));
  const upstreams = async () => read(UpstreamList, await call('GET', '/upstreams')).upstreams;
  const upstream = (key: string) => `/upstreams/${encodeURIComponent(key)}`;

  return {
    status,
    upstreams,
    async serving() {
      const { active } = await status();
      return active && { key: active.key, model: active.model, version: active.version };
    },
    async traffic() {
      return (await upstreams()).map(({ key, traffic }) => ({ key, ...traffic }));
    },
    /** Makes an external server known, or changes its address. */
    async put(key: string, server: object, signal?: AbortSignal) {
      await call('PUT', upstream(key), { body: server, signal });
    },
    /** Starts a process, or finds the one that has the key. */
    async start(spec: InstanceSpec, signal?: AbortSignal) {
      return read(Instance, await call('POST', '/instances', { body: spec, signal }));
    },
    /** Null: there is none. */
    async instance(key: string) {
      const body = await call('GET', `/instances/${encodeURIComponent(key)}`);
      return body === undefined ? null : read(Instance, body);
    },
    /** Gives an upstream this share of new requests. Null: it is not known. */
    async shift(key: string, share: number) {
      const body = await call('POST', '/traffic', { body: { key, share } });
      return body === undefined ? null : { previous: read(TrafficShifted, body).previous };
    },
    /** Takes an upstream away once its requests are done; a process is stopped. */
    async remove(key: string, { drainMs, force = false }: StopOptions) {
      const query = `drainMs=${Math.round(drainMs)}${force ? '&force=true' : ''}`;
      await call('DELETE', `${upstream(key)}?${query}`, { timeoutMs: drainMs + STOP_MARGIN_MS });
    },
    close: () => agent.close(),
  };
}

/** Reads an answer by its schema; what does not fit it is not the gateway's. */
function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const message = `The answer is not one of the API gateway's: ${z.prettifyError(parsed.error)}`;
  throw new GatewayError(message, { retryable: false });
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}
