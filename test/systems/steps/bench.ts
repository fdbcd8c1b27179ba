import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { translated } from '../../../src/activities/lib/translate.ts';
import { createTrainingActivities } from '../../../src/activities/training.ts';
import type { Config } from '../../../src/config.ts';
import type { Dataset } from '../../../src/contracts/training.ts';
import { createArtifactStore } from '../../../src/systems/artifacts/index.ts';
import { createMlflow, type Mlflow } from '../../../src/systems/mlflow/index.ts';
import type { Pool } from '../../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../../src/systems/processes/reaper.ts';
import { createStepRunner, type OpenStepRunner } from '../../../src/systems/steps/index.ts';

type TrainingActivities = ReturnType<typeof createTrainingActivities>;

/** The training activities of a worker, called as Temporal would, with real processes and a real MLflow. */
export interface StepBench {
  mlflow: Mlflow;
  runner: OpenStepRunner;
  /** Signals that were sent to workflows. */
  signals: unknown[];
  call<Name extends keyof TrainingActivities>(
    name: Name,
    input: Parameters<TrainingActivities[Name]>[0],
    options?: { attempt?: number; signal?: AbortSignal; activityId?: string },
  ): ReturnType<TrainingActivities[Name]>;
  /** A data set of one small file. */
  dataset(): Promise<Dataset>;
  close(): Promise<void>;
}

const nothing = () => undefined;
const SILENT = {
  log: nothing,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};

/** No step of the tests is a bundled one. */
const NO_POOL = {
  run: () => Promise.reject(new Error('This step is not a command.')),
  close: async () => undefined,
} as unknown as Pool;

/** @param proposer answers `judge`; absent: no trial is judged */
export async function createStepBench(config: Config, proposer = NO_POOL): Promise<StepBench> {
  const reaper: Reaper = await createReaper({ graceMs: 500 });
  const runner = await createStepRunner({ config, reaper, pool: NO_POOL, proposer });
  const mlflow = createMlflow({ uri: config.mlflow.uri, timeoutMs: 30_000 });
  const store = createArtifactStore({
    store: join(config.root, 'store'),
    mlflowUri: config.mlflow.uri,
    cacheDir: join(config.root, '.mediwatch', 'cache'),
    timeoutMs: 30_000,
  });
  const signals: unknown[] = [];
  const client = {
    workflow: { getHandle: () => ({ signal: async (_: string, value: unknown) => void signals.push(value) }) },
  } as unknown as Client;
  const activities = translated(
    createTrainingActivities({ config, mlflow, store, runner, codeDigest: 'code', client }),
  );
  const bench: StepBench = {
    mlflow,
    runner,
    signals,
    call(name, input, { attempt = 1, signal, activityId = '1' } = {}) {
      const info = { attempt, activityId, workflowExecution: { workflowId: 'test/steps', runId: '0123456789' } };
      const environment = new MockActivityEnvironment(info, { logger: SILENT });
      signal?.addEventListener('abort', () => environment.cancel('CANCELLED'));
      return environment.run(activities[name] as (input: unknown) => Promise<unknown>, input) as never;
    },
    dataset: () => bench.call('prepareDataset', { data: config.data.path, seed: 1, force: false }),
    async close() {
      await Promise.all([runner.close(), mlflow.close()]);
      await reaper.close();
    },
  };
  return bench;
}
