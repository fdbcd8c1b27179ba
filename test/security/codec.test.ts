import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { partsOf } from '../../src/stack/parts.ts';
import { codecOf } from '../../src/systems/encryption.ts';
import { freePort } from '../../src/systems/ports.ts';
import { clientOptions } from '../../src/systems/temporal.ts';
import { chromiumProblem, openBrowser } from '../support/browser.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const SECRET = 'Lovelace-1815';
const folder = mkdtempSync(join(tmpdir(), 'mediwatch-codec-'));
const privateFile = (name: string) => {
  const file = join(folder, name);
  writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 });
  return file;
};

let temporal: TestTemporal;
let env: Record<string, string>;
let port: number;
let url: string;
let server: ReturnType<typeof start>;
/** What the UI asks for, and the same in the open. */
let sealed: string;
const open = JSON.stringify({ payloads: [inJson(defaultPayloadConverter.toPayload(SECRET))] });

function start() {
  return execa(process.execPath, [join(PROJECT_ROOT, 'src', 'codec', 'main.ts')], { env, reject: false });
}

/** A payload in the JSON of protocol buffers. */
function inJson({ metadata, data }: ReturnType<typeof defaultPayloadConverter.toPayload>) {
  const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const entries = Object.entries(metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)]);
  return { metadata: Object.fromEntries(entries), data: base64(data) };
}

beforeAll(async () => {
  port = await freePort(new Set());
  url = `http://127.0.0.1:${port}`;
  temporal = await startTemporal({ codecUrl: url });
  env = {
    TEMPORAL_ADDRESS: temporal.address,
    MEDIWATCH_TEMPORAL_UI_URL: temporal.uiUrl,
    MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: privateFile('payloads.key'),
    MEDIWATCH_TEMPORAL_CODEC_TOKEN_FILE: privateFile('token'),
    MEDIWATCH_STACK_CODEC_PORT: String(port),
    MEDIWATCH_STACK_DIR: folder,
  };
  server = start();
  const answers = () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(answers, { timeoutMs: 60_000, what: 'the codec server' });
  const [payload] = await codecOf(loadConfig(env, folder)).encode([defaultPayloadConverter.toPayload(SECRET)]);
  sealed = JSON.stringify({ payloads: [inJson(payload ?? {})] });
});
afterAll(async () => {
  server.kill();
  await Promise.all([server, temporal.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

const read = async (headers: Record<string, string> = {}, body = sealed, path = '/decode') => {
  const response = await fetch(url + path, {
    ...{ method: 'POST', body },
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('the codec server', () => {
  it('decrypts for the user who runs it, and leaves alone what is not encrypted', async () => {
    expect(JSON.parse((await read()).text)).toMatchObject(JSON.parse(open));
    expect(JSON.parse((await read({}, open)).text)).toMatchObject(JSON.parse(open));
    const again = await read({}, (await read({}, open, '/encode')).text);
    expect(JSON.parse(again.text)).toMatchObject(JSON.parse(open));
  });

  it('answers pages of the Temporal UI, and of no other origin', async () => {
    const { headers } = await read({ origin: temporal.uiUrl });
    expect(headers.get('access-control-allow-origin')).toBe(temporal.uiUrl);
    const preflight = await fetch(`${url}/decode`, { method: 'OPTIONS', headers: { origin: temporal.uiUrl } });
    expect(preflight.ok).toBe(true);
    const other = await read({ origin: 'http://127.0.0.1:1' });
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });

  it('answers no name of a web page that leads here', async () => {
    const answer = Promise.withResolvers<number | undefined>();
    const headers = { host: `attacker.example:${port}`, 'content-type': 'application/json' };
    const sent = request(`${url}/decode`, { method: 'POST', headers }, ({ statusCode }) => answer.resolve(statusCode));
    sent.end(sealed);
    expect(await answer.promise).toBe(401);
  });

  it.skipIf(process.getuid?.() !== 0)('answers no other user of this host', async () => {
    const script = `
      const body = ${JSON.stringify(sealed)};
      const headers = { 'content-type': 'application/json', origin: ${JSON.stringify(temporal.uiUrl)} };
      const response = await fetch('${url}/decode', { method: 'POST', body, headers });
      console.log(response.status, await response.text());`;
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const node = [process.execPath, '--input-type=module', '-e', script];
    const { stdout } = await execa('setpriv', [...nobody, ...node]);
    expect(stdout).toContain('401');
    expect(stdout).not.toContain(JSON.parse(open).payloads[0].data);
  });

  it('answers whoever has the token, and nobody with another', async () => {
    const { codecTokenFile } = loadConfig(env, folder).temporal;
    const token = (await execa('cat', [codecTokenFile])).stdout;
    expect((await read({ authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await read({ authorization: 'Bearer other' })).status).toBe(401);
  });

  it('refuses what is no payload, and says nothing of what it is', async () => {
    expect((await read({}, '{"payloads": [{"metadata": 5, "data": "Lovelace"}]}')).text).not.toContain('Lovelace');
    expect((await read({}, 'nonsense')).status).toBe(400);
  });

  it('comes with the stack where there is a key and the server is ours', () => {
    const names = (settings: Record<string, string>) =>
      partsOf(loadConfig({ MEDIWATCH_STACK_DIR: folder, ...settings }, folder), {
        dir: folder,
        temporal: 'temporal',
        ui: { host: '127.0.0.1', port: 1 },
      });
    const { MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS } = env;
    expect(names({}).map(({ name }) => name)).not.toContain('codec');
    expect(names(env).map(({ name }) => name)).not.toContain('codec');
    const parts = names({ MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: String(MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS) });
    expect(parts.map(({ name }) => name)).toContain('codec');
    expect(parts.find(({ name }) => name === 'temporal')?.command.join(' ')).toContain(
      '--ui-codec-endpoint http://127.0.0.1:8003',
    );
  });
});

it.skipIf(chromiumProblem)('the Temporal UI shows what is encrypted', async () => {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, ...clientOptions(loadConfig(env, folder)) });
  const { workflowId } = await client.workflow.start('retrain', {
    ...{ workflowId: 'sealed', taskQueue: 'nobody', args: [{ reason: SECRET }] },
  });
  const browser = await openBrowser('codec');
  try {
    const { page } = await browser.newPage();
    await page.goto(`${temporal.uiUrl}/namespaces/default/workflows/${workflowId}`);
    await page.getByText(SECRET).first().waitFor();
  } finally {
    await browser.close();
    await connection.close();
  }
});
