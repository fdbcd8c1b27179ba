import { join } from 'node:path';
import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { execa } from 'execa';
import { pino } from 'pino';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import type { DriftAlert } from '../../src/contracts/steward.ts';
import { freePort } from '../../src/systems/ports.ts';
import { sign } from '../../src/systems/signature.ts';
import { openWebhook, type Webhook } from '../../src/webhook/webhook.ts';
import { until } from '../support/until.ts';

export const SECRET = 'correct horse battery staple';

export interface Sent {
  path?: string;
  method?: string;
  /** Unix time (s); default: now. */
  timestamp?: number | string;
  secret?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked into by the expectations
  body: any;
}

/** The settings of a webhook on a free port. */
export function webhookConfig(address: string, dir: string, settings: Record<string, string> = {}): Config {
  const env = {
    TEMPORAL_ADDRESS: address,
    MEDIWATCH_STACK_DIR: dir,
    MEDIWATCH_WEBHOOK_SECRET: SECRET,
    ...settings,
  };
  const config = loadConfig(env, PROJECT_ROOT);
  return { ...config, stack: { ...config.stack, webhookPort: 0 } };
}

/** A webhook in this process, as `src/webhook/main.ts` opens it. */
export async function startWebhook(config: Config): Promise<Webhook> {
  return await openWebhook(config, pino({ level: 'silent' }));
}

/** `src/webhook/main.ts` as `npm start` and Compose run it. */
export async function startProcess(settings: Record<string, string>) {
  const port = await freePort(new Set());
  const child = execa(process.execPath, [join(PROJECT_ROOT, 'src', 'webhook', 'main.ts')], {
    cwd: PROJECT_ROOT,
    env: {
      MEDIWATCH_STACK_WEBHOOK_PORT: String(port),
      MEDIWATCH_WEBHOOK_SECRET: SECRET,
      MEDIWATCH_WEBHOOK_TOKEN: 'a token',
      ...settings,
    },
    reject: false,
    all: true,
  });
  const url = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, { timeoutMs: 20_000, what: 'the webhook to answer' });
  return { child, url };
}

/** Sends a body with a signature, right unless told otherwise. */
export async function post(url: string, body: unknown, sent: Sent = {}): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const timestamp = String(sent.timestamp ?? Math.floor(Date.now() / 1_000));
  const { method = 'POST', path = '/alerts' } = sent;
  const response = await fetch(url + path, {
    method,
    ...(method !== 'GET' && { body: text }),
    headers: {
      'content-type': 'application/json',
      'x-mediwatch-timestamp': timestamp,
      'x-mediwatch-signature': sign(sent.secret ?? SECRET, timestamp, { method, path, body: text }),
      ...sent.headers,
    },
  });
  return { status: response.status, headers: response.headers, body: await response.json().catch(() => null) };
}

/** gRPC's status. */
const NOT_FOUND = 5;

/** Looks at what reached the steward of a model on a server, which needs no worker for it. */
export async function watchSteward(address: string, model: string) {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const handle = client.workflow.getHandle(workflowIds.steward(model));
  return {
    /** Its alerts in order of arrival; undefined when it was never started. */
    async alerts(): Promise<DriftAlert[] | undefined> {
      try {
        const { events } = await handle.fetchHistory();
        return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
          // Alerts that came at the same time went together.
          signal?.signalName === 'driftAlert'
            ? [
                JSON.parse(Buffer.from(signal.input?.payloads?.[0]?.data ?? []).toString()) as
                  | DriftAlert
                  | DriftAlert[],
              ].flat()
            : [],
        );
      } catch (error) {
        if (isGrpcServiceError(error) && error.code === NOT_FOUND) return undefined;
        throw error;
      }
    },
    close: () => connection.close(),
  };
}
