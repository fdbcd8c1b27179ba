import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestStack, listeners, type StackRun, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

/** Promised for the time after kill -9 (ms). */
const GONE_LIMIT_MS = 5_000;

// /proc and ss show what belongs to the stack; the parts themselves are the same on macOS.
describe.runIf(process.platform === 'linux')('npm start', { timeout: 240_000 }, () => {
  let stack: TestStack;
  let run: StackRun;

  beforeAll(async () => {
    stack = await createTestStack();
    run = stack.start();
    await run.up();
  }, 240_000);
  afterAll(() => stack.dispose(), 60_000);

  const mlflow = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${stack.ports.MLFLOW_PORT}/api/2.0/mlflow/${path}`, init);
  const gone = () =>
    until(() => stack.processes().length === 0, { timeoutMs: GONE_LIMIT_MS, what: 'every process to be gone' });

  test('everything listens on loopback only, each part on its port', () => {
    const addresses = listeners(stack.processes());
    expect(addresses.filter((address) => !address.startsWith('127.'))).toEqual([]);
    for (const port of Object.values(stack.ports)) expect(addresses).toContain(`127.0.0.1:${port}`);
  });

  test('it tells how long each part took, and where to look', () => {
    for (const part of ['Temporal', 'MLflow', 'API gateway', 'Webhook', 'Worker']) {
      expect(run.output()).toMatch(new RegExp(`${part} \\[\\d+(\\.\\d+)?m?s\\]`));
    }
    expect(run.output()).toContain(`http://127.0.0.1:${stack.ports.TEMPORAL_UI_PORT}/`);
    expect(run.output()).toContain(`http://127.0.0.1:${stack.ports.API_PORT}/`);
  });

  test('a second one on the same folder is refused, and says which process runs', async () => {
    const second = stack.start();
    expect(await second.exited).toBe(1);
    expect(second.output()).toContain(`runs already (process ${run.process.pid}`);
  });

  test('a second one on a taken port is refused, and names the port and the setting', async () => {
    const other = stack.start(['--no-retrain', '--dir', `${stack.dir}/other`]);
    expect(await other.exited).toBe(1);
    expect(other.output()).toContain(`Port ${stack.ports.MLFLOW_PORT} is taken by process`);
    expect(other.output()).toContain('stack.mlflowPort');
  });

  test('kill -9 leaves no process after 5 s, and the next start works at once, with its state', async () => {
    const made = await mlflow('experiments/create', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'kept' }),
    });
    expect(made.status).toBe(200);

    const before = stack.processes();
    run.process.kill('SIGKILL');
    run = stack.start();
    const what = 'every process of the killed stack to be gone';
    await until(() => !stack.processes().some((pid) => before.includes(pid)), { timeoutMs: GONE_LIMIT_MS, what });
    await run.up();
    expect((await mlflow('experiments/get-by-name?experiment_name=kept')).status).toBe(200);
  });

  test('Ctrl-C ends everything, with exit code 0', async () => {
    run.process.kill('SIGINT');
    expect(await run.exited).toBe(0);
    expect(run.output()).toContain('stopping');
    await gone();
  });

  test('Ctrl-C during the start ends everything, with exit code 130', async () => {
    run = stack.start();
    await until(() => stack.processes().length > 2, { timeoutMs: 20_000, what: 'parts to be starting' });
    run.process.kill('SIGINT');
    expect(await run.exited).toBe(130);
    await gone();
  });

  test('kill -9 in the middle of the start leaves no process after 5 s', async () => {
    run = stack.start();
    await until(() => stack.processes().length > 2, { timeoutMs: 20_000, what: 'parts to be starting' });
    run.process.kill('SIGKILL');
    await gone();
  });

  test('kill -9 of the npm above it leaves no process after 5 s', async () => {
    run = stack.startUnderNpm();
    await until(() => stack.processes().length > 3, { timeoutMs: 20_000, what: 'parts to be starting' });
    run.process.kill('SIGKILL');
    await gone();
  });
});
