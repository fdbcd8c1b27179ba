import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { freePort } from '../../src/systems/ports.ts';
import { driver } from '../gateway/support.ts';
import { startTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const FIXTURE_API = fileURLToPath(new URL('../gateway/fixtures/api.ts', import.meta.url));
/** Of the file system that becomes full. */
const SIZE_KIB = 16_384;
/** What a file still takes when no page is free. */
const PAGE_BYTES = 4_096;
/** A process that is asked to end and has nothing under way (ms). */
const END_LIMIT_MS = 10_000;

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mounts();

/** Whether this user may mount; a container of CI may be root and still not be allowed to. */
function mounts(): boolean {
  const probe = execFileSync('mktemp', ['-d']).toString().trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
}

/** Processes whose logs, and whatever else they write, lie on a disk that becomes full. */
describe.runIf(canMount)('on a full disk', () => {
  let disk: string;
  let ends: Array<() => Promise<unknown>>;

  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'mediwatch-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_KIB}k`, 'tmpfs', disk]);
    ends = [];
  });
  afterEach(async () => {
    for (const end of ends.toReversed()) await end();
    execFileSync('umount', [disk]);
    await rm(disk, { recursive: true });
  });

  const filler = () => join(disk, 'filler');
  function fill(): void {
    expect(() => writeFileSync(filler(), Buffer.alloc(2 * SIZE_KIB * 1024))).toThrow('ENOSPC');
    expect(statfsSync(disk).bfree).toBe(0);
  }

  /** Starts a program as the stack does: its output goes straight into a file. */
  function start(name: string, program: string, env: Record<string, string>) {
    const file = join(disk, `${name}.log`);
    const fd = openSync(file, 'a');
    const child = spawn(process.execPath, [join(PROJECT_ROOT, program)], {
      cwd: disk,
      env: { ...process.env, MEDIWATCH_STACK_DIR: disk, ...env },
      stdio: ['ignore', fd, fd],
    });
    closeSync(fd);
    const exited = once(child, 'exit');
    ends.push(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const log = () => readFileSync(file, 'utf8');
    const expectToEnd = async () => {
      const since = performance.now();
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      expect(performance.now() - since).toBeLessThan(END_LIMIT_MS);
    };
    return { log, expectToEnd };
  }

  async function answering(url: string) {
    const status = () =>
      fetch(url).then(
        (answer) => answer.status,
        () => 0,
      );
    await until(async () => (await status()) === 200, { timeoutMs: 30_000, what: `${url} to answer` });
  }

  test('the gateway answers, restarts its API, logs again once there is space, and ends when it is asked to', async () => {
    const apiPort = await freePort(new Set());
    writeFileSync(
      join(disk, 'mediwatch.yaml'),
      `deployment:\n  command: ${JSON.stringify([process.execPath, FIXTURE_API])}\n`,
    );
    const { log, expectToEnd } = start('gateway', 'src/gateway/main.ts', {
      MEDIWATCH_CONFIG: join(disk, 'mediwatch.yaml'),
      MEDIWATCH_STACK_API_PORT: String(apiPort),
    });
    const gateway = driver({ apiUrl: `http://127.0.0.1:${apiPort}`, adminUrl: `unix:${disk}/gateway/admin.sock` });
    await until(() => gateway.admin('GET', '/status').catch(() => null), { timeoutMs: 30_000, what: 'the gateway' });
    const { pid } = await gateway.serve({ key: 'one' });

    fill();
    const before = log().length;
    for (let shift = 0; shift < 50; shift += 1) await gateway.admin('POST', '/traffic', { key: 'one' });
    const body = { records: [{ age: '[70-80)' }] };
    expect((await gateway.api('POST', '/predict', body)).status).toBe(200);
    process.kill(pid ?? 0, 'SIGKILL');
    const isBack = async () => {
      const { active } = (await gateway.admin('GET', '/status')).body;
      return active.state === 'running' && (await gateway.instance('one')).pid !== pid;
    };
    await until(isBack, { timeoutMs: 20_000, what: 'the API to be started again' });
    expect((await gateway.api('POST', '/predict', body)).status).toBe(200);
    const full = log().length;
    expect(full - before).toBeLessThanOrEqual(PAGE_BYTES);

    rmSync(filler());
    await gateway.admin('POST', '/traffic', { key: 'one' });
    await until(() => log().length > full, { timeoutMs: 5_000, what: 'the log to go on' });
    fill();
    await expectToEnd();
  });

  test('the webhook answers, and ends when it is asked to', async () => {
    const port = await freePort(new Set());
    const { log, expectToEnd } = start('webhook', 'src/webhook/main.ts', {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      MEDIWATCH_STACK_WEBHOOK_PORT: String(port),
      MEDIWATCH_WEBHOOK_SECRET: 'a secret that is long enough',
    });
    const url = `http://127.0.0.1:${port}`;
    await answering(`${url}/health`);
    fill();
    const before = log().length;
    for (let request = 0; request < 50; request += 1) {
      expect((await fetch(`${url}/alerts`, { method: 'POST', body: '{}' })).status).toBe(401);
    }
    expect(log().length - before).toBeLessThanOrEqual(PAGE_BYTES);
    await expectToEnd();
  });

  test('the worker goes on with workflows, and ends when it is asked to', async () => {
    const temporal = await startTemporal();
    ends.push(() => temporal.stop());
    const connection = await Connection.connect({ address: temporal.address });
    ends.push(() => connection.close());
    const { log, expectToEnd } = start('worker', 'src/worker.ts', {
      TEMPORAL_ADDRESS: temporal.address,
      MEDIWATCH_WORKER_ROLES: 'orchestration',
    });
    await until(() => log().includes('worker ready'), { timeoutMs: 60_000, what: 'the worker to be ready' });
    fill();
    const before = log().length;
    const client = new Client({ connection });
    for (let run = 0; run < 20; run += 1) {
      const options = { workflowId: `wrong-${run}`, taskQueue: TASK_QUEUES.orchestration, args: [{ nonsense: run }] };
      await expect(client.workflow.execute('retrain', options)).rejects.toThrow();
    }
    expect(log().length - before).toBeLessThanOrEqual(PAGE_BYTES);
    await expectToEnd();
  });
});
