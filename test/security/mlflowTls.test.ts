import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { mlflowVariables } from '../../src/systems/mlflow/variables.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'mediwatch-mlflow-tls-'));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let server: Server;
let uri: string;

beforeAll(async () => {
  await makeAuthority(folder, 'ours');
  await makeCertificate(folder, 'mlflow', 'ours');
  const pair = { key: readFileSync(file('mlflow.key')), cert: readFileSync(file('mlflow.pem')) };
  server = createServer(pair, ({ url = '' }, response) => {
    if (url.includes('experiments')) answer(response, { experiments: [] });
    else answer(response, { error_code: 'RESOURCE_DOES_NOT_EXIST' }, 404);
  });
  uri = `https://127.0.0.1:${await listening(server)}`;
});
afterAll(() => server.close());

function answer(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function listening(one: Server | ReturnType<typeof createHttpServer>): Promise<number> {
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return (one.address() as AddressInfo).port;
}

async function ask(env: Record<string, string>): Promise<unknown> {
  const mlflow = createMlflow({ ...mlflowOptions(loadConfig(env, folder)), retries: 0 });
  try {
    return await mlflow.getByAlias('Model', 'champion');
  } finally {
    await mlflow.close();
  }
}

it('a server whose authority mlflow.caFile names is trusted, by us and by the MLflow client of steps', async () => {
  const env = { MLFLOW_TRACKING_URI: uri, MEDIWATCH_MLFLOW_CA_FILE: file('ours.pem') };
  await expect(ask(env)).rejects.toThrow('answered 404');
  const script = 'from mlflow.tracking import MlflowClient; print(len(MlflowClient().search_experiments()))';
  const python = join(PROJECT_ROOT, 'python', '.venv', 'bin', 'python');
  const variables = mlflowVariables(loadConfig(env, folder));
  const { stdout } = await execa(python, ['-c', script], { env: variables });
  expect(stdout.trim()).toBe('0');
});

it('a server of another authority is refused, and the setting is named', async () => {
  await expect(ask({ MLFLOW_TRACKING_URI: uri })).rejects.toThrow('is not trusted');
  await expect(ask({ MLFLOW_TRACKING_URI: uri, MEDIWATCH_MLFLOW_CA_FILE: 'none.pem' })).rejects.toThrow('none.pem');
});

it('a redirect to another origin is not followed: it would get the credentials', async () => {
  const reached: IncomingMessage[] = [];
  const other = createHttpServer((request, response) => {
    reached.push(request);
    answer(response, {});
  });
  const target = `http://127.0.0.1:${await listening(other)}`;
  const redirecting = createHttpServer(({ url }, response) =>
    response.writeHead(307, { location: target + url }).end(),
  );
  const env = { MLFLOW_TRACKING_URI: `http://127.0.0.1:${await listening(redirecting)}`, MLFLOW_TRACKING_TOKEN: 't' };
  await expect(ask(env)).rejects.toThrow();
  expect(reached).toHaveLength(0);
  other.close();
  redirecting.close();
});
