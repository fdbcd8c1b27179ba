import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { payloadConverterPath, workflowBundle } from '../../src/bundle.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { payloadConverter, Undecodable } from '../../src/contracts/payloads.ts';
import { Schedules } from '../../src/contracts/schedules.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { codecOf, encrypts } from '../../src/systems/encryption.ts';
import { reconcile } from '../../src/systems/schedules/reconcile.ts';
import { startedWith } from '../../src/systems/startedWith.ts';
import { clientOptions } from '../../src/systems/temporal.ts';
import { versioned } from '../../src/workers/versions.ts';
import { mediwatch } from '../support/command.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet, TEST_BUNDLES } from '../support/workers.ts';
import { asked, type PlantedActivities, seen, told } from './fixtures/planted.ts';

const folder = mkdtempSync(join(tmpdir(), 'mediwatch-encryption-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let keys = 0;
function newKey(text = randomBytes(32).toString('hex'), mode = 0o600): string {
  const file = join(folder, `${++keys}.key`);
  writeFileSync(file, `${text}\n`);
  chmodSync(file, mode);
  return file;
}

const settings = (address: string, ...files: string[]) => ({
  TEMPORAL_ADDRESS: address,
  MEDIWATCH_STACK_DIR: folder,
  MEDIWATCH_WORKER_ROLES: 'orchestration',
  MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false',
  ...(files.length > 0 && { MEDIWATCH_TEMPORAL_ENCRYPTION_KEYS: files.join(',') }),
});
const configOf = (address: string, ...files: string[]) => loadConfig(settings(address, ...files), PROJECT_ROOT);
const codec = (...files: string[]) => codecOf(configOf('127.0.0.1:1', ...files));

describe('a payload', () => {
  const payload = defaultPayloadConverter.toPayload({ patient: 'Ada' });
  const [old, current] = [newKey(), newKey(randomBytes(32).toString('base64'))];

  it('is written with the first key and read with any of them', async () => {
    const sealed = await codec(old).encode([payload]);
    expect(Buffer.from(sealed[0]?.data ?? []).includes('Ada')).toBe(false);
    const [opened] = await codec(current, old).decode(sealed);
    expect(opened && defaultPayloadConverter.fromPayload(opened)).toEqual({ patient: 'Ada' });
    const [again] = await codec(current, old).encode([payload]);
    expect(again?.metadata?.['encryption-key-id']).not.toEqual(sealed[0]?.metadata?.['encryption-key-id']);
    await expect(codec(current).decode(sealed)).rejects.toThrow('encryptionKeys');
    await expect(codec().decode(sealed)).rejects.toThrow('encryptionKeys');
  });

  it('is read when it is not encrypted', async () => {
    expect(await codec(current).decode([payload])).toEqual([payload]);
    expect(await codec().encode([payload])).toEqual([payload]);
  });

  it('is read, and none is encrypted any more, once temporal.encrypt is false', async () => {
    const sealed = await codec(old).encode([payload]);
    const off = codecOf(loadConfig({ ...settings('127.0.0.1:1', old), MEDIWATCH_TEMPORAL_ENCRYPT: 'false' }, folder));
    expect(await off.encode([payload])).toEqual([payload]);
    expect(defaultPayloadConverter.fromPayload((await off.decode(sealed))[0] ?? payload)).toEqual({ patient: 'Ada' });
  });

  it('that was changed is refused as input, and fails no workflow task', async () => {
    const [sealed] = await codec(old).encode([payload]);
    const data = Uint8Array.from(sealed?.data ?? []);
    data[20] = (data[20] ?? 0) ^ 1;
    for (const bytes of [data, data.subarray(0, 9), new Uint8Array()]) {
      const [opened] = await codec(old).decode([{ ...sealed, data: bytes }]);
      expect(opened && payloadConverter.fromPayload(opened)).toBeInstanceOf(Undecodable);
    }
  });
});

it.each([
  ['others may read it', () => newKey(undefined, 0o640), 'chmod 600'],
  ['it is too short', () => newKey('abcd'), '32 bytes'],
  ['it is missing', () => join(folder, 'none.key'), 'ENOENT'],
])('a key is refused when %s', (_, file, why) => {
  expect(() => codec(file())).toThrow(why);
});

describe('Temporal', () => {
  const key = newKey();
  const dbFile = join(folder, 'temporal.db');
  let server: TestTemporal;
  let connection: Connection;
  let native: NativeConnection;
  let code: string;

  beforeAll(async () => {
    quiet();
    server = await startTemporal({ dbFile });
    [connection, native] = await Promise.all([
      Connection.connect({ address: server.address }),
      NativeConnection.connect({ address: server.address }),
    ]);
    const logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
    const workflowsPath = join(import.meta.dirname, 'fixtures', 'planted.ts');
    const paths = { payloadConverterPath, failureConverterPath: payloadConverterPath };
    code = join(folder, 'planted.js');
    // The worker need not bundle what other test files have bundled.
    await workflowBundle(TEST_BUNDLES);
    symlinkSync(TEST_BUNDLES, join(folder, 'bundles'));
    writeFileSync(code, (await bundleWorkflowCode({ workflowsPath, ...paths, logger })).code);
  });
  afterAll(async () => {
    await Promise.all([connection.close(), native.close()]);
    await server.stop();
  });

  /** Whether the text stands in a file of Temporal's database. */
  const stored = (text: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith('temporal.db'))
      .some((name) => readFileSync(join(folder, name)).includes(text));

  const activities: PlantedActivities = {
    async beat(value) {
      Context.current().heartbeat({ row: value });
      // The next attempt gets what was reported last.
      const { heartbeatDetails } = Context.current().info;
      throw ApplicationFailure.retryable(`activity ${value}`, 'Row', { row: value, heartbeatDetails });
    },
    echo: async (value) => value,
  };

  /** Runs a workflow through which the value goes by every way that there is; returns what its client sees. */
  async function run(value: string, taskQueue: string, config: Config) {
    const client = new Client({ connection, ...clientOptions(config) });
    const worker = await workerOf(taskQueue, config);
    return await worker.runUntil(async () => {
      const handle = await start(client, value, taskQueue);
      await handle.signal(told, `signal ${value}`);
      const answer = await handle.executeUpdate(asked, { args: [`update ${value}`] });
      const error = await handle.result().catch((error: unknown) => error);
      const failure = error instanceof WorkflowFailedError ? error.cause : error;
      const { memo, staticSummary, staticDetails } = await describeAll(handle);
      const input = await startedWith(client, { workflowId: taskQueue, runId: handle.firstExecutionRunId });
      return {
        ...{ handle, answer, failure, memo, staticSummary, staticDetails, input },
        values: await handle.query(seen),
      };
    });
  }

  async function workerOf(taskQueue: string, config: Config): Promise<Worker> {
    const { workflowBundle } = versioned({ buildId: '', codePath: code }, encrypts(config));
    return await Worker.create({
      ...{ connection: native, ...clientOptions(config) },
      ...{ taskQueue, activities, workflowBundle },
    });
  }

  const start = (client: Client, value: string, taskQueue: string) =>
    client.workflow.start('planted', {
      ...{ workflowId: taskQueue, taskQueue, args: [`input ${value}`], memo: { first: value } },
      ...{ staticSummary: `summary ${value}`, staticDetails: `details ${value}` },
    });

  async function describeAll(handle: Awaited<ReturnType<Client['workflow']['start']>>) {
    const description = await handle.describe();
    const [staticSummary, staticDetails] = await Promise.all([
      description.staticSummary(),
      description.staticDetails(),
    ]);
    return { memo: description.memo, staticSummary, staticDetails };
  }

  it('stores no value that passes through a workflow, and its clients read each', async () => {
    const secret = 'Lovelace-1815';
    const found = await run(secret, 'sealed', configOf(server.address, key));
    expect(found).toMatchObject({
      answer: `answer update ${secret}`,
      failure: { message: `workflow input ${secret}`, type: 'Planted', details: [{ row: `input ${secret}` }] },
      memo: { first: secret, later: `input ${secret}` },
      staticSummary: `summary ${secret}`,
      staticDetails: `details ${secret}`,
    });
    expect(found.values).toHaveLength(4);
    expect(found.values[3]).toContain(`activity input ${secret}`);
    expect(stored(secret)).toBe(false);
    expect(stored('reads a row')).toBe(false);
    // The ids, which Temporal needs to read, are found: the search sees what is there.
    expect(stored('sealed')).toBe(true);
  });

  it('stores them as they are without a key, and a run that began so is read and goes on', async () => {
    const plain = await run('Babbage-1791', 'plain', configOf(server.address));
    expect(plain.failure).toMatchObject({ message: 'workflow input Babbage-1791' });
    expect(stored('Babbage-1791')).toBe(true);
    const client = new Client({ connection, ...clientOptions(configOf(server.address, key)) });
    const later = client.workflow.getHandle('plain');
    await expect(later.result()).rejects.toMatchObject({ cause: { message: 'workflow input Babbage-1791' } });
  });

  it.each(['sealed', 'plain'])('the history of a run (%s) replays with the key', async (workflowId) => {
    const client = new Client({ connection, ...clientOptions(configOf(server.address, key)) });
    const history = await client.workflow.getHandle(workflowId).fetchHistory();
    const { dataConverter } = clientOptions(configOf(server.address, key));
    const { workflowBundle } = versioned({ buildId: '', codePath: code }, true);
    await expect(
      Worker.runReplayHistory({ workflowBundle, dataConverter }, history, workflowId),
    ).resolves.toBeUndefined();
  });

  it('a run waits for a worker that has its key', async () => {
    const later = newKey();
    const client = new Client({ connection, ...clientOptions(configOf(server.address, key, later)) });
    const handle = await start(client, 'waits', 'waiting');
    const keyless = await workerOf('waiting', configOf(server.address));
    const refused = async () =>
      (await handle.fetchHistory()).events?.some((event) => event.workflowTaskFailedEventAttributes);
    await keyless.runUntil(until(refused, { timeoutMs: 30_000, what: 'a task that fails' }));
    const worker = await workerOf('waiting', configOf(server.address, later, key));
    await worker.runUntil(async () => {
      await handle.signal(told, 'one');
      await handle.signal(told, 'two');
      await expect(handle.result()).rejects.toMatchObject({ cause: { message: 'workflow input waits' } });
    });
  });

  it('without the key a client says which one it lacks', async () => {
    const client = new Client({ connection, ...clientOptions(configOf(server.address)) });
    const error = await client.workflow
      .getHandle('sealed')
      .result()
      .catch((error: unknown) => error);
    expect(String((error as Error).cause ?? error)).toContain('temporal.encryptionKeys');
    const { exitCode, stderr } = await mediwatch(settings(server.address), 'status', 'sealed');
    expect(exitCode).toBe(EXIT.usage);
    expect(stderr).toMatch(/^A payload is encrypted with the key/);
  });

  it('keeps a schedule whose input is encrypted as it was declared', async () => {
    const client = new Client({ connection, ...clientOptions(configOf(server.address, key)) });
    const nightly = { workflow: 'retrain', cron: '0 3 * * *', input: { data: 'Somerville-1780.csv' } };
    const schedules = Schedules.parse({ nightly });
    const outcomes = async () => (await reconcile(client, schedules)).map(({ outcome }) => outcome);
    expect([await outcomes(), await outcomes()]).toEqual([['created'], ['kept']]);
    expect(stored('nightly')).toBe(true);
    expect(stored('Somerville')).toBe(false);
  });

  it('stores nothing of what our own workflows, the command and alerts say', async () => {
    const env = settings(server.address, key);
    const config = configOf(server.address, key);
    const client = new Client({ connection, ...clientOptions(config) });
    const worker = execa(process.execPath, [join(PROJECT_ROOT, 'src', 'worker.ts')], { env, reject: false });
    let log = '';
    worker.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await until(() => log.includes('worker ready'), { timeoutMs: 60_000, what: 'the worker' });
    try {
      await raiseAlert(client, config.registry.registeredModel, { reason: 'Menabrea-1809 drifted' });
      const paused = await mediwatch(env, 'steward', 'pause', '--reason', 'Menabrea-1809 is away');
      expect(paused).toMatchObject({ exitCode: 0 });
      expect(JSON.stringify(paused.json)).toContain('Menabrea-1809 is away');
      // The form of the UI sends plain JSON.
      const form = new Client({ connection });
      const args = [{ nonsense: 'Byron-1788' }];
      const { workflowId } = await form.workflow.start('promote', { workflowId: 'form', taskQueue: 'mediwatch', args });
      const refused = client.workflow.getHandle(workflowId).result();
      await expect(refused).rejects.toMatchObject({ cause: { message: expect.stringContaining('registeredModel') } });
      expect(stored('Expected')).toBe(false);
    } finally {
      worker.kill('SIGKILL');
      await worker;
    }
    expect(stored('Menabrea')).toBe(false);
    expect(stored('Encoded failure')).toBe(true);
  });
});
