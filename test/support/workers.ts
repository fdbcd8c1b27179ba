import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../../src/activities/index.ts';
import { translated } from '../../src/activities/lib/translate.ts';
import { createLockActivities, createStewardActivities } from '../../src/activities/orchestration.ts';
import { payloadConverterPath, workflowBundle } from '../../src/bundle.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { hostVersions, versioned } from '../../src/workers/versions.ts';

/** Shared by the test files, which bundle the same workflows. */
export const TEST_BUNDLES = join(tmpdir(), 'mediwatch-test-bundles');

export interface TestWorkers {
  client: Client;
  stop(): Promise<void>;
}

/**
 * Runs our workflows on a server with these activities, and the real ones of lock and steward, on all task queues.
 *
 * @param options laid over those of each worker
 */
export async function startWorkers(
  address: string,
  activities: Partial<Activities>,
  options: Partial<WorkerOptions> = {},
): Promise<TestWorkers> {
  const [connection, nativeConnection, bundle] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
    workflowBundle(TEST_BUNDLES),
  ]);
  // As the real worker does: a server refuses an upsert that is wrong only when it knows the attributes.
  if (!(await ensureSearchAttributes(nativeConnection, 'default'))) throw new Error('No search attributes.');
  const dataConverter = { payloadConverterPath };
  const client = new Client({ connection, dataConverter });
  const real = translated({
    ...createLockActivities({ client }),
    ...createStewardActivities({ client, searchable: () => true }),
  });
  const all = { ...real, ...activities };
  const shared = {
    connection: nativeConnection,
    activities: all,
    dataConverter,
    maxHeartbeatThrottleInterval: '200 milliseconds',
    defaultHeartbeatThrottleInterval: '200 milliseconds',
    ...options,
  } as const;
  const workers = await Promise.all([
    Worker.create({ ...shared, ...versioned(bundle), taskQueue: TASK_QUEUES.orchestration }),
    Worker.create({ ...shared, taskQueue: TASK_QUEUES.training }),
    Worker.create({ ...shared, taskQueue: TASK_QUEUES.deployment }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  // No run begins before its version is the current one.
  const versions = hostVersions({ client, own: bundle.buildId, create: async () => undefined });
  await versions.ready;
  await versions.close();
  return {
    client,
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
      await Promise.all([connection.close(), nativeConnection.close()]);
    },
  };
}

/** Keeps the SDK's log lines out of the test output. */
export function quiet(): void {
  Runtime.install({
    logger: {
      log: () => undefined,
      trace: () => undefined,
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    },
    // Its core writes warnings by itself.
    telemetryOptions: { logging: { filter: 'OFF' } },
  });
}
