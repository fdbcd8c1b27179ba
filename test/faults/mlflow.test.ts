import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { freePort } from '../../src/systems/ports.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { failureOf } from '../support/workflowBench.ts';

const WORKER = new URL('../../src/worker.ts', import.meta.url).pathname;

/** MLflow is what is broken here, so a server that answers badly stands in for it. */
describe('an MLflow that cannot be used', () => {
  let temporal: TestTemporal;
  let client: Client;
  let dir: string;
  const started: Array<ChildProcess | Server> = [];

  beforeAll(async () => {
    temporal = await startTemporal();
    client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
    dir = mkdtempSync(join(tmpdir(), 'mediwatch-mlflow-'));
  });
  afterAll(async () => {
    for (const one of started) 'kill' in one ? one.kill('SIGKILL') : one.close();
    await client?.connection.close();
    await temporal?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function startWorker(uri: string): Promise<ChildProcess> {
    const env = { ...process.env, MEDIWATCH_MLFLOW_URI: uri, MEDIWATCH_TEMPORAL_ADDRESS: temporal.address };
    const role = { MEDIWATCH_WORKER_ROLES: 'orchestration', MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false' };
    const worker = spawn(process.execPath, [WORKER], {
      env: { ...env, ...role, MEDIWATCH_STACK_DIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(worker);
    let output = '';
    worker.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    await until(() => output.includes('worker ready'), { timeoutMs: 60_000, what: 'the worker' });
    return worker;
  }

  async function answering(status: number, body: string): Promise<string> {
    const server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    started.push(server);
    await until(() => server.listening, { timeoutMs: 5_000, what: 'the server' });
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  test.each([
    ['down', async () => `http://127.0.0.1:${await freePort(new Set())}`, 'MlflowUnavailable', 'nothing listens there'],
    ['answering 500', () => answering(500, '{"message": "disk full"}'), 'MlflowUnavailable', 'disk full'],
    ['another server', () => answering(200, '<html>Welcome</html>'), 'MlflowRefused', 'is mlflow.uri right?'],
  ])('that is %s ends a retrain with a reason, without retrying forever', async (name, address, type, named) => {
    const worker = await startWorker(await address());
    const handle = await client.workflow.start('retrain', {
      workflowId: `retrain-${name.replaceAll(' ', '-')}`,
      taskQueue: TASK_QUEUES.orchestration,
    });
    const refused = await failureOf(handle);
    worker.kill('SIGKILL');
    expect(refused.type).toBe(type);
    expect(refused.message).toContain(named);
    expect(refused.message).toContain('mlflow.uri');
    // Nothing was begun: the history holds no stage.
    const { events } = await handle.fetchHistory();
    expect(events?.some((event) => event.startChildWorkflowExecutionInitiatedEventAttributes)).toBe(false);
  });
});
