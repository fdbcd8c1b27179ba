import type { Connection } from '@temporalio/client';
import type { Config } from '../config.ts';
import { createMlflow, type Mlflow, type ModelVersion } from '../systems/mlflow/index.ts';
import { mlflowOptions } from '../systems/mlflow/options.ts';
import { connectionOptions } from '../systems/temporal.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What checks look at. What several of them ask for is asked once. */
export interface DoctorContext {
  config: Config;
  env: Environment;
  /** Gives everything up. */
  signal: AbortSignal;
  /** @throws {MlflowError} when `mlflow.uri` is not an address */
  mlflow(): Mlflow;
  /** A connection to Temporal; rejects when nothing answers. */
  temporal(): Promise<Connection>;
  /** Every version of the registered model, newest first; rejects when MLflow does not answer. */
  versions(): Promise<ModelVersion[]>;
  close(): Promise<void>;
}

/** A person waits for the answers (ms). */
const CONNECT_MS = 3_000;
const MLFLOW_MS = 5_000;

export function openContext(config: Config, env: Environment, signal: AbortSignal): DoctorContext {
  const mlflow = once(() => createMlflow({ ...mlflowOptions(config, MLFLOW_MS), retries: 1 }));
  const temporal = once(async () => {
    const { Connection } = await import('@temporalio/client');
    return await Connection.connect({ ...connectionOptions(config), connectTimeout: CONNECT_MS, interceptors: [] });
  });
  const versions = once(async () => await mlflow().listVersions(config.registry.registeredModel, { signal }));
  return {
    config,
    env,
    signal,
    mlflow,
    temporal,
    versions,
    async close() {
      await Promise.allSettled([
        ...(mlflow.asked() ? [mlflow().close()] : []),
        ...(temporal.asked() ? [temporal().then((connection) => connection.close())] : []),
      ]);
    },
  };
}

function once<Value>(make: () => Value): (() => Value) & { asked(): boolean } {
  let made: { value: Value } | undefined;
  const get = () => {
    made ??= { value: make() };
    return made.value;
  };
  return Object.assign(get, { asked: () => made !== undefined });
}
