import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, it } from 'vitest';
import { startVictim, type Victim } from '../../bench/alerts/victim.ts';
import { lockQueue } from '../../src/contracts/lock.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import { stewardQuery } from '../../src/contracts/steward.ts';
import { raiseAlert, stewardStart } from '../../src/systems/alerts.ts';
import { giveLock } from '../support/heldLock.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

/** More than the activities that a worker of the SDK runs at once by default. */
const LOCKS = 120;
const WATCHED = 'MediWatchReadmit';

let dir: string;
let temporal: TestTemporal;
let connection: Connection;
let worker: Victim;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-locks-'));
  temporal = await startTemporal();
  connection = await Connection.connect({ address: temporal.address });
  const file = join(dir, 'mediwatch.yaml');
  await writeFile(file, JSON.stringify({ stack: { dir: join(dir, 'state') }, worker: { roles: ['orchestration'] } }));
  const env = {
    MEDIWATCH_CONFIG: file,
    MEDIWATCH_TEMPORAL_ADDRESS: temporal.address,
    MEDIWATCH_WORKER_APPLY_SCHEDULES: 'false',
  };
  worker = await startVictim([process.execPath, join(import.meta.dirname, '../../src/worker.ts')], env);
});
afterEach(async () => {
  await worker.end();
  await connection.close();
  await temporal.stop();
  await rm(dir, { recursive: true, force: true });
});

it('a worker that watches the holders of many locks still starts retrains', async () => {
  const client = new Client({ connection });
  const steward = await client.workflow.start('driftSteward', stewardStart(WATCHED));
  const holder = { workflowId: steward.workflowId, runId: steward.firstExecutionRunId };
  const locks = Array.from({ length: LOCKS }, (_, number) => `model-${number}`);
  await Promise.all(locks.map((name) => giveLock(client, name, holder)));
  for (const name of locks) {
    const held = async () =>
      (await client.workflow.getHandle(workflowIds.lock(name)).query(lockQueue))[0]?.heldSince !== undefined;
    await until(held, { timeoutMs: 60_000, what: `the lock of ${name} to be held` });
  }

  await raiseAlert(client, WATCHED, { key: 'alert' });
  const started = async () => (await steward.query(stewardQuery)).current ?? undefined;
  const { workflowId } = await until(started, { timeoutMs: 30_000, what: 'a retrain' });
  await until(
    () =>
      client.workflow
        .getHandle(workflowId)
        .describe()
        .then(
          () => true,
          () => false,
        ),
    {
      timeoutMs: 30_000,
      what: `${workflowId} to begin`,
    },
  );
});
