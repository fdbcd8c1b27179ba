import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { type Config, forModel, fromRoot, modelNames } from '../config.ts';
import { judgeDrift } from '../domain/driftGate.ts';
import { raiseAlert } from '../systems/alerts.ts';
import { readDriftReport } from '../systems/driftDocument.ts';
import { clientOptions, connectionOptions } from '../systems/temporal.ts';
import { ensureSecret } from '../systems/webhookSecret.ts';
import { createWebhook } from './server.ts';

/** A sender waits for the answer, and tries again (ms). */
const TEMPORAL_LIMIT_MS = 5_000;
/** Longest pause between attempts to reach a server that went away (ms). */
const RECONNECT_LIMIT_MS = 1_000;

export interface Webhook {
  readonly url: string;
  /** Answers what is open, and ends. */
  close(): Promise<void>;
}

/**
 * Opens the port on which alerts come in. Temporal need not be there yet.
 *
 * @throws {Error} naming port and setting when the port is taken
 */
export async function openWebhook(config: Config, log: Logger): Promise<Webhook> {
  const { stack, webhook } = config;
  const credentials = {
    secret: await ensureSecret(config),
    token: webhook.token,
    toleranceMs: webhook.tolerance * 1_000,
  };
  const options = connectionOptions(config);
  const channelArgs = { ...options.channelArgs, 'grpc.max_reconnect_backoff_ms': RECONNECT_LIMIT_MS };
  const connection = Connection.lazy({ ...options, channelArgs });
  const client = new Client({ connection, ...clientOptions(config) });
  const app = createWebhook({
    credentials,
    models: modelNames(config),
    bodyLimit: webhook.maxBodyKb * 1_024,
    reports: {
      read: (text) => readDriftReport(config, { text }),
      judge: (document, model) => {
        const { driftGate, monitoring } = forModel(config, model);
        return judgeDrift(document, driftGate, monitoring.minRows);
      },
    },
    raise: (model, alert) =>
      client.withDeadline(Date.now() + TEMPORAL_LIMIT_MS, () => raiseAlert(client, model, alert)),
    log,
    replayFile: join(fromRoot(config, stack.dir), 'webhook-accepted'),
  });
  const close = async () => {
    await app.close();
    await connection.close();
  };
  try {
    const url = await app.listen({ host: stack.bind, port: stack.webhookPort });
    return { url, close };
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const port = stack.webhookPort;
    throw new Error(
      `Port ${port} is taken by another program. Stop that one, or set stack.webhookPort to another port.`,
    );
  }
}
