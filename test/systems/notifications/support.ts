import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach } from 'vitest';
import { stringify } from 'yaml';
import { type Config, loadConfig } from '../../../src/config.ts';
import type { Notification } from '../../../src/contracts/notifications.ts';
import { createNotifier, type Notifier } from '../../../src/systems/notifications/index.ts';

/** As the real one, in less time. */
const PATIENCE = { limitMs: 3_000, pausesMs: [20, 40, 80] };

export const NEWS: Notification = {
  id: 'retrain-1/failed',
  event: 'retrainFailed',
  severity: 'warning',
  registeredModel: 'MediWatchReadmit',
  title: 'A retrain of MediWatchReadmit failed',
  text: 'AUC < 0.6 & falling.\nNothing was changed.',
  links: [{ name: 'Workflow', url: 'http://127.0.0.1:8233/workflows/retrain-1' }],
  workflowId: 'retrain-1',
};

/** What a test opens, and how it is put away after it. */
const closing: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Settings of a mediwatch.yaml with these targets, in a folder of its own. */
async function configOf(targets: object[], env: Record<string, string>): Promise<Config> {
  const root = await mkdtemp(join(tmpdir(), 'notifications-'));
  closing.push(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'mediwatch.yaml'), stringify({ notifications: targets }));
  return loadConfig(env, root);
}

export async function openNotifier(targets: object[], env: Record<string, string> = {}): Promise<Notifier> {
  const notifier = createNotifier(await configOf(targets, env), PATIENCE);
  closing.push(() => notifier.close());
  return notifier;
}

export interface Post {
  path: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What the receiver says to one post; `hang` says nothing. */
export type Answer = { status: number; headers?: Record<string, string>; body?: string } | 'hang';

/**
 * Starts a receiver of webhooks that gives these answers in turn, and the last one again and again.
 *
 * @returns its address and what came
 */
export async function startReceiver(...answers: Answer[]): Promise<{ url: string; posts: Post[] }> {
  const posts: Post[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const answer = answers[Math.min(posts.length, answers.length - 1)] as Answer;
    posts.push({ path: request.url, headers: request.headers, body });
    if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${await listening(server)}/hook`, posts };
}

export interface Mail {
  from: string;
  to: string[];
  source: string;
}

/** Starts a mail server; the options let it refuse. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    async onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const from = envelope.mailFrom ? envelope.mailFrom.address : '';
      const to = envelope.rcptTo.map(({ address }) => address);
      mails.push({ from, to, source: Buffer.concat(chunks).toString() });
      callback();
    },
    ...options,
  });
  // A client that goes away in the middle is part of the tests.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  closing.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
  if (!server.server.listening) await once(server.server, 'listening');
  return { port: (server.server.address() as AddressInfo).port, mails };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
