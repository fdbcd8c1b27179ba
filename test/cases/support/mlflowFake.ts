import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What a server was asked, in short: `GET Basic b3Bz… by the proxy`. */
interface Seen {
  authorization: string | undefined;
  /** Common name of the client's certificate. */
  certificate: string | undefined;
  byProxy: boolean;
}

export interface Fake {
  port: number;
  seen: Seen[];
  /** What it answers to everything, or to one method, in place of what MLflow would answer. */
  answer: { status: number; body: string; type?: string; method?: string } | undefined;
  close(): void;
}

const RUN = { info: { run_id: 'r', experiment_id: '1', artifact_uri: 'mlflow-artifacts:/1/r/artifacts' }, data: {} };
const DELETED = { experiment_id: '7', name: 'deleted', lifecycle_stage: 'deleted' };

/** Enough of MLflow for the questions of these tests. */
const ANSWERS: ReadonlyArray<readonly [string, unknown]> = [
  ['experiments/search', { experiments: [] }],
  ['experiments/get-by-name', { experiment: DELETED }],
  ['get-latest-versions', { model_versions: [] }],
  ['runs/get', { run: RUN }],
  ['mlflow-artifacts', { files: [] }],
];

/** Starts a server on loopback that answers like MLflow and remembers who asked; with `tls`, over HTTPS. */
export async function startFake(tls?: ServerOptions): Promise<Fake> {
  const seen: Seen[] = [];
  const handle: RequestListener = (incoming, response) => {
    const peer = tls ? (incoming.socket as TLSSocket).getPeerCertificate() : undefined;
    const { authorization, host = '' } = incoming.headers;
    const subject = peer?.subject as { CN?: string } | undefined;
    seen.push({ authorization, certificate: subject?.CN, byProxy: host.startsWith('mlflow.test') });
    incoming.resume().on('end', () => answer(incoming, response));
  };
  const server = tls ? createTlsServer(tls, handle) : createServer(handle);
  const fake: Fake = { port: await listening(server), seen, answer: undefined, close: () => closed(server) };
  function answer({ url = '', method }: IncomingMessage, response: ServerResponse): void {
    const isSet = fake.answer && (fake.answer.method ?? method) === method;
    const { status, body, type = 'application/json' } = isSet && fake.answer ? fake.answer : found(url);
    response.writeHead(status, { 'content-type': type }).end(body);
  }
  return fake;
}

function found(url: string): NonNullable<Fake['answer']> {
  if (url.startsWith('/version')) return { status: 200, body: '3.1.0', type: 'text/plain' };
  const known = ANSWERS.find(([path]) => url.includes(path));
  return known ? { status: 200, body: JSON.stringify(known[1]) } : { status: 404, body: '{}' };
}

/**
 * Starts a proxy that leads the host mlflow.test to a port of loopback, and every other one to itself.
 *
 * @param login what it demands as `Proxy-Authorization`
 */
export async function startProxy(to: () => number, login?: string): Promise<Pick<Fake, 'port' | 'close'>> {
  const isKnown = ({ headers }: IncomingMessage) => login === undefined || headers['proxy-authorization'] === login;
  const server = createServer((incoming, response) => {
    if (!isKnown(incoming)) return void response.writeHead(407).end('who are you?');
    const { pathname, search, host } = new URL(incoming.url ?? '');
    const headers = { ...incoming.headers, host };
    const onward = request({
      port: to(),
      host: '127.0.0.1',
      method: incoming.method,
      path: pathname + search,
      headers,
    });
    incoming.pipe(onward.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502))));
  });
  server.on('connect', (incoming, client) => {
    if (!isKnown(incoming)) return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const onward = connect(to(), '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'));
    client.pipe(onward).pipe(client);
    for (const one of [client, onward]) one.on('error', () => onward.destroy());
  });
  return { port: await listening(server), close: () => closed(server) };
}

async function listening(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function closed(server: Server | ReturnType<typeof createTlsServer>): void {
  server.close();
  server.closeAllConnections();
}
