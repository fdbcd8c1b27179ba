import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../../src/systems/ports.ts';
import { mediwatch } from '../../support/command.ts';
import { sampleData } from '../../support/sampleData.ts';
import { SECRETS, secretsIn } from '../../support/secrets.ts';
import { createTestStack, listeners, running, type StackRun, type TestStack } from '../../support/stack.ts';

/** Each kind of process by a text in its command line. */
const KINDS: Readonly<Record<string, string>> = {
  temporal: 'start-dev',
  mlflow: 'mlflow_server.py',
  gateway: 'gateway/main.ts',
  api: 'mediwatch_training.serving',
  webhook: 'webhook/main.ts',
  codec: 'codec/main.ts',
  worker: 'worker.ts',
  pool: 'mediwatch_training.pool',
  client: 'client.ts',
  reaper: 'reaperMain.ts',
};
const MLFLOW = ['MEDIWATCH_MLFLOW_TOKEN', 'MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD'];
/** What SECURITY.md says of each. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  temporal: [],
  mlflow: [],
  reaper: [],
  codec: [],
  gateway: MLFLOW,
  api: MLFLOW,
  pool: MLFLOW,
  webhook: ['MEDIWATCH_WEBHOOK_SECRET', 'MEDIWATCH_WEBHOOK_TOKEN', 'TEMPORAL_API_KEY'],
  worker: [...MLFLOW, 'TEMPORAL_API_KEY'],
  client: [...MLFLOW, 'TEMPORAL_API_KEY'],
};

let stack: TestStack;
let run: StackRun;
/** Secrets that any process of each kind had in its environment, and those in a command line. */
const inEnvironment = new Map<string, Set<string>>();
const inArguments = new Set<string>();
let main: number | undefined;

beforeAll(async () => {
  stack = await createTestStack();
  // As an older release left it.
  chmodSync(stack.dir, 0o755);
  const key = join(stack.dir, 'payloads.key');
  writeFileSync(key, randomBytes(32).toString('hex'), { mode: 0o600 });
  const data = join(stack.dir, 'ward-of-lovelace.csv');
  renameSync(sampleData(stack.dir), data);
  Object.assign(stack.env, {
    MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: key,
    MEDIWATCH_STACK_CODEC_PORT: String(await freePort(new Set(Object.values(stack.ports)))),
    MEDIWATCH_DATA_PATH: data,
    MEDIWATCH_PROMOTION_POLICY: 'always',
  });
  // The address of the stack's own Temporal has no TLS, which a key of Temporal Cloud asks for.
  Object.assign(process.env, SECRETS, { MEDIWATCH_TEMPORAL_API_KEY: '' });
  run = stack.start(['--trials', '2']);
  main = run.process.pid;
  for (const name of [...Object.keys(SECRETS), 'MEDIWATCH_TEMPORAL_API_KEY']) delete process.env[name];
  while (!run.output().includes('Serving until') && run.process.exitCode === null) {
    look();
    await delay(200);
  }
  await run.up();
}, 300_000);
afterAll(() => stack?.dispose());

function look(): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== main)) {
    const command = read(pid, 'cmdline').replaceAll('\0', ' ');
    const secrets = secretsIn(read(pid, 'environ'));
    const kind = Object.keys(KINDS).find((name) => command.includes(KINDS[name] ?? '')) ?? command;
    const isOurs = stack.processes().includes(Number(pid)) || secrets.length > 0;
    if (isOurs) inEnvironment.set(kind, new Set([...(inEnvironment.get(kind) ?? []), ...secrets]));
    for (const name of secretsIn(command)) inArguments.add(name);
  }
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

it('every process of a retrain has the secrets that it uses in its environment, and no other one', () => {
  const found = Object.fromEntries([...inEnvironment].map(([kind, secrets]) => [kind, [...secrets].sort()]));
  for (const [kind, secrets] of Object.entries(found)) {
    expect(EXPECTED, `nobody expected ${kind}`).toHaveProperty([kind]);
    expect({ [kind]: secrets }).toEqual({ [kind]: [...(EXPECTED[kind] ?? [])].sort() });
  }
  const seen = Object.keys(EXPECTED).filter((kind) => kind !== 'reaper');
  expect(Object.keys(found)).toEqual(expect.arrayContaining(seen));
});

it('no secret is an argument, on the terminal, or in a file of the state: databases, logs, artifacts, caches', () => {
  expect([...inArguments]).toEqual([]);
  expect(secretsIn(run.output())).toEqual([]);
  const files = readdirSync(stack.dir, { recursive: true }).map((name) => join(stack.dir, String(name)));
  const leaking = files.filter((path) => {
    const { size, isFile } = fileAt(path);
    if (!isFile || size > 200_000_000) return false;
    // MLflow names the user of a run.
    const found = secretsIn(readFileSync(path, 'latin1')).filter((name) => name !== 'MLFLOW_TRACKING_USERNAME');
    return found.length > 0;
  });
  expect(leaking).toEqual([]);
});

it('nobody else can read a file of the state, even by its name', () => {
  const all = readdirSync(stack.dir, { recursive: true }).map((name) => join(stack.dir, String(name)));
  const open = [stack.dir, ...all].filter((path) => {
    if (path.endsWith('.csv')) return false; // ours
    const stat = lstatSync(path);
    return !stat.isSymbolicLink() && (stat.mode & 0o077) !== 0;
  });
  expect(open).toEqual([]);
  expect(readFileSync(join(stack.dir, '.gitignore'), 'utf8')).toBe('*\n');
  const names = ['temporal.db', 'mlflow/mlflow.db', 'logs/worker.log'];
  for (const name of names) expect(existsSync(join(stack.dir, name))).toBe(true);
  if (process.getuid?.() !== 0) return;
  const attacker = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'cat'];
  for (const name of names) {
    expect(() => execFileSync('setpriv', [...attacker, join(stack.dir, name)], { stdio: 'pipe' })).toThrow('denied');
  }
});

/** Whether the text stands in a file of Temporal's database. */
const stored = (text: string) =>
  readdirSync(stack.dir)
    .filter((name) => name.startsWith('temporal.db'))
    .some((name) => readFileSync(join(stack.dir, name)).includes(text));

it('with a key, a retrain and one that fails leave nothing readable in Temporal, and the command shows it', async () => {
  const failed = await mediwatch(stack.env, 'retrain', '--data', join(stack.dir, 'menabrea.csv'), '--follow');
  expect(failed.exitCode).not.toBe(0);
  expect(JSON.stringify(failed.json)).toContain('menabrea.csv');
  for (const text of ['ward-of-lovelace', 'menabrea', 'mlflow-artifacts:/', 'learning_rate', 'numericColumns']) {
    expect(`${text}: ${stored(text)}`).toBe(`${text}: false`);
  }
  // What Temporal lists and routes by stands there.
  for (const text of ['hyperparameterSearch', 'MediwatchModel', 'Encoded failure']) {
    expect(`${text}: ${stored(text)}`).toBe(`${text}: true`);
  }
});

/** The status of an answer to a request that claims a host name, as a page would whose name leads to this host. */
function statusOf(address: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const asked = request(`http://${address}${path}`, { headers, timeout: 5_000 }, (answer) => {
    answer.resume();
    resolve(answer.statusCode);
  });
  asked.once('error', () => resolve(undefined)).once('timeout', () => asked.destroy());
  asked.end();
  return promise;
}

it('the Temporal UI answers to the names of loopback only, and to no page of another one', async () => {
  const address = `127.0.0.1:${stack.ports.TEMPORAL_UI_PORT}`;
  const ask = (headers: Record<string, string>) => statusOf(address, '/api/v1/namespaces', headers);
  expect(await ask({ host: address })).toBe(200);
  expect(await ask({ host: 'localhost', origin: 'http://localhost' })).toBe(200);
  expect(await ask({ host: 'rebound.example.org' })).toBe(403);
  expect(await ask({ host: `rebound.example.org:${stack.ports.TEMPORAL_UI_PORT}` })).toBe(403);
  expect(await ask({ host: address, origin: 'http://evil.example.org' })).toBe(403);
  expect(await ask({ host: address, origin: 'null' })).toBe(403);
});

it('no port of Temporal on 127.0.0.1 answers HTTP, whatever name it is asked by', async () => {
  const addresses = listeners(running(stack.processes(), 'start-dev')).filter((at) => at.startsWith('127.0.0.1:'));
  expect(addresses.length).toBeGreaterThan(1);
  for (const address of addresses) {
    for (const host of [address, 'localhost', 'rebound.example.org', 'HTTP is off']) {
      expect([address, await statusOf(address, '/api/v1/namespaces', { host })]).not.toEqual([address, 200]);
    }
  }
});

it('MLflow refuses other names', async () => {
  const address = `127.0.0.1:${stack.ports.MLFLOW_PORT}`;
  const path = '/api/2.0/mlflow/experiments/search?max_results=1';
  expect(await statusOf(address, path, { host: address })).toBe(200);
  expect(await statusOf(address, path, { host: 'rebound.example.org' })).toBe(403);
});

function fileAt(path: string) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return { size: stat?.size ?? 0, isFile: stat?.isFile() === true };
}
