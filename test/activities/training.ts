import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { translated } from '../../src/activities/lib/translate.ts';
import type { TrainingSystems } from '../../src/activities/training/systems.ts';
import { createTrainingActivities } from '../../src/activities/training.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { StepCall } from '../../src/systems/steps/index.ts';

export const DATASET = { uri: 'file:///nowhere', sha256: '0'.repeat(64), sizeBytes: 0 };

interface Given {
  /** What the steps answer. */
  run: (call: StepCall) => Promise<unknown>;
  mlflow?: Partial<TrainingSystems['mlflow']>;
  config?: (config: Config) => void;
}

/** The training activities over steps that answer as a test says. */
export function createBench({ run, mlflow = {}, config: change = () => undefined }: Given) {
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-activities-'));
  const config = loadConfig({ MEDIWATCH_STACK_DIR: dir }, '/nowhere');
  change(config);
  const store = { fetchDirectory: async () => '/nowhere/dataset' };
  const systems = {
    config,
    mlflow: { getVersion: async () => undefined, recordFiles: async () => null, ...mlflow },
    store,
    runner: { run },
    codeDigest: 'code',
    client: {},
  };
  const activities = translated(createTrainingActivities(systems as unknown as TrainingSystems));
  return {
    /** An attempt as Temporal makes it: of eight unless it says otherwise. */
    call<Name extends keyof typeof activities>(
      name: Name,
      input: Parameters<(typeof activities)[Name]>[0],
      {
        attempt = 1,
        maximumAttempts = 8,
        signal,
      }: { attempt?: number; maximumAttempts?: number; signal?: AbortSignal } = {},
    ): ReturnType<(typeof activities)[Name]> {
      const info = { attempt, retryPolicy: { maximumAttempts } };
      const environment = new MockActivityEnvironment(info, { logger: new DefaultLogger('ERROR') });
      signal?.addEventListener('abort', () => environment.cancel('CANCELLED'));
      return environment.run(activities[name] as (input: unknown) => Promise<unknown>, input) as never;
    },
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}
