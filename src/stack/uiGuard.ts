import { randomInt } from 'node:crypto';
import { createServer, type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream';
import { freePort } from '../systems/ports.ts';

/** Where the Temporal UI itself listens, behind the guard. */
export interface UiAddress {
  host: string;
  port: number;
}

/**
 * An address that no web page can guess: of the 16 million of Linux's loopback. macOS has one, where the port alone must
 * do.
 */
export async function hiddenAddress(): Promise<UiAddress> {
  const part = () => randomInt(1, 255);
  const host = process.platform === 'linux' ? `127.${part()}.${part()}.${part()}` : '127.0.0.1';
  return { host, port: await freePort(new Set()) };
}

const NAMES = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Whether a request comes by a name of loopback, and from no page of another origin: DNS may lead foreign names here. */
function isOurs({ headers: { host, origin } }: IncomingMessage): boolean {
  return isLoopback(`http://${host}`) && (origin === undefined || isLoopback(origin));
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && NAMES.has(new URL(url).hostname);
}

/**
 * Opens the port of the Temporal UI, which answers to any name: passes on what asks for this host by a name of its
 * loopback, and refuses all else.
 */
export async function guardUi(port: number, ui: UiAddress): Promise<{ close(): void }> {
  const server = createServer((incoming, answer) => {
    if (!isOurs(incoming)) {
      answer
        .writeHead(403)
        .end(`The Temporal UI answers to http://127.0.0.1:${port} and http://localhost:${port} only.\n`);
      return;
    }
    const { method, url: path, headers } = incoming;
    const onward = request({ ...ui, method, path, headers }, (response) => {
      // A page that was left meanwhile wants no answer; piping into one that is closed throws.
      if (answer.destroyed) return void response.destroy();
      answer.writeHead(response.statusCode ?? 502, response.headers);
      pipeline(response, answer, () => {});
    });
    onward.on('error', () =>
      answer.headersSent ? answer.destroy() : answer.writeHead(502).end('It does not answer.\n'),
    );
    pipeline(incoming, onward, () => {});
  });
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, '127.0.0.1', resolve);
  await listening;
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
