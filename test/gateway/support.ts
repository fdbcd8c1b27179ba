import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import type { Instance, InstanceSpec } from '../../src/contracts/gateway.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { processTable } from '../../src/systems/processes/processTable.ts';
import { until } from '../support/until.ts';
import { fixtureCommand } from './fixtures/command.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked into by the expectations
  body: any;
}

/** Sends one request; the body of the answer is parsed when it is JSON. */
export async function send(method: string, url: string, body?: unknown): Promise<Answer> {
  const [, socketPath, path] = /^unix:([^?]+\.sock)(.*)$/.exec(url) ?? [];
  const response = await request(socketPath ? `http://localhost${path}` : url, {
    method: method as 'GET',
    ...(socketPath && { dispatcher: new Agent({ connect: { socketPath } }) }),
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.body.text();
  const isJson = String(response.headers['content-type']).startsWith('application/json');
  return { status: response.statusCode, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
}

/** A gateway in this process, with what tests do to it. */
export interface TestGateway extends Gateway {
  dir: string;
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  start(spec: Partial<InstanceSpec> & { key: string }): Promise<Instance>;
  /** Starts an instance and waits until it is running. */
  run(spec: Partial<InstanceSpec> & { key: string }): Promise<Instance>;
  /** Starts an instance and sends the traffic to it. */
  serve(spec: Partial<InstanceSpec> & { key: string }): Promise<Instance>;
  instance(key: string): Promise<Instance>;
}

/** Opens a gateway on free ports with the fixture API, in a folder of its own. */
export async function openGateway(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'mediwatch-gateway-')));
  const gateway = await createGateway({
    dir,
    apiPort: 0,
    drainMs: 3_000,
    allows: () => true,
    command: fixtureCommand,
    log: pino({ level: 'silent' }),
    ...options,
  });
  return { ...driver(gateway), dir };
}

/** What tests do to a gateway, wherever it runs. */
export function driver<Target extends Pick<Gateway, 'apiUrl' | 'adminUrl'>>(gateway: Target) {
  const admin = (method: string, path: string, body?: unknown) => send(method, gateway.adminUrl + path, body);
  const api = (method: string, path: string, body?: unknown) => send(method, gateway.apiUrl + path, body);
  const instance = async (key: string): Promise<Instance> => (await admin('GET', `/instances/${key}`)).body;
  const start = async (spec: Partial<InstanceSpec> & { key: string }): Promise<Instance> => {
    const answer = await admin('POST', '/instances', { model: 'Readmit', version: '1', ...spec });
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  };
  const run = async (spec: Partial<InstanceSpec> & { key: string }) => {
    await start(spec);
    return until(
      async () => {
        const view = await instance(spec.key);
        return view.state === 'running' ? view : null;
      },
      { timeoutMs: 15_000, what: `${spec.key} to run` },
    );
  };
  const serve = async (spec: Partial<InstanceSpec> & { key: string }) => {
    const view = await run(spec);
    const answer = await admin('POST', '/traffic', { key: spec.key });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return view;
  };
  return { ...gateway, admin, api, start, run, serve, instance };
}

/** Closes a gateway and removes its folder. */
export async function closeGateway(gateway: TestGateway): Promise<void> {
  await gateway.close();
  await rm(gateway.dir, { recursive: true, force: true });
}

/** The processes of a group that are alive; a defunct one is not. */
export async function groupOf(pgid: number | undefined): Promise<number[]> {
  return (await processTable()).filter((one) => one.pgid === pgid).map(({ pid }) => pid);
}
