import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, TransportError, Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { createAudit } from '../activities/lib/audited.ts';
import { bundleOf, payloadConverterPath, workflowBundle } from '../bundle.ts';
import { type Config, ConfigError, fromRoot } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { TASK_QUEUES, type WorkerRole } from '../contracts/names.ts';
import { createArtifactStore } from '../systems/artifacts/index.ts';
import { artifactStoreOptions } from '../systems/artifacts/options.ts';
import { auditFile, createAuditLog } from '../systems/audit.ts';
import { createDeployments } from '../systems/deployment/index.ts';
import { encrypts } from '../systems/encryption.ts';
import { createMlflow } from '../systems/mlflow/index.ts';
import { mlflowOptions } from '../systems/mlflow/options.ts';
import { createNotifier } from '../systems/notifications/index.ts';
import { withShippedLogs } from '../systems/steps/index.ts';
import { clientOptions, connectionOptions, searchAttributesOf, whyAway } from '../systems/temporal.ts';
import { registeredOn } from '../workflows/activityTable.ts';
import { applySchedules } from './applySchedules.ts';
import { createWorkerLogs, type WorkerLogs } from './logs.ts';
import { createTrainingProcesses } from './trainingProcesses.ts';
import { hostVersions, type Versions, versioned } from './versions.ts';

/** What a role brings to its worker, and how it is put away afterwards. */
interface Service {
  options: Partial<WorkerOptions>;
  /** Runs beside the worker while that one runs; `create` makes more of its kind. */
  beside?(create: (options: Partial<WorkerOptions>) => Promise<Worker>): Versions;
  /** The settings have changed. */
  settingsChanged?(): void;
  close(): Promise<void>;
}

/** Workers of one host, one for each role, and what they hold. */
export interface Workers {
  /**
   * Resolves when they have been shut down, and everything they started is gone.
   *
   * @param ready called once they take tasks, and new runs begin with their code if it is its turn
   */
  run(ready: () => void): Promise<void>;
  /** To be called when the settings that they were made with have changed in place. */
  settingsChanged(): void;
  shutdown(): void;
}

/** As clients read payloads, except that one that cannot be read throws nothing. */
function forgiving(config: Config) {
  const { namespace, dataConverter } = clientOptions(config);
  return { namespace, dataConverter: { ...dataConverter, payloadConverterPath } };
}

const STATE = (config: Config, ...parts: string[]) => join(fromRoot(config, config.stack.dir), ...parts);

/**
 * Whoever holds a lock, and each retrain that a steward follows, is watched by an activity that does nothing but wait. With
 * the SDK's hundred slots, as many models would keep every other activity from beginning.
 */
const WAITING_ACTIVITIES = 10_000;

/** Everything that a role needs is made here, once, and handed on: nothing reaches for a global. */
const SERVICES = {
  async orchestration(config, connection, _logs, refresh) {
    const { namespace } = config.temporal;
    const mlflow = createMlflow(mlflowOptions(config));
    const notifier = createNotifier(config);
    const client = new Client({ connection, ...forgiving(config) });
    const bundles = STATE(config, 'bundles');
    const bundle = await workflowBundle(bundles);
    const searchable = searchAttributesOf(connection, namespace);
    const { logger } = Runtime.instance();
    const auditLog = createAuditLog(auditFile(config), ({ key }, error) =>
      logger.error('an audit event was not written; it is tried again with the next one', {
        key,
        problem: causeText(error),
      }),
    );
    const audit = createAudit(auditLog, client);
    const implementations = createActivities.orchestration({
      config,
      mlflow,
      client,
      notifier,
      searchable,
      audit,
      refresh,
    });
    const orchestration = {
      activities: registeredOn('orchestration', implementations),
      maxConcurrentActivityTaskExecutions: WAITING_ACTIVITIES,
    };
    const apply = () => (config.worker.applySchedules ? applySchedules(client, config) : Promise.resolve());
    let declared = config.schedules;
    let applied = apply();
    return {
      settingsChanged() {
        if (isDeepStrictEqual(declared, config.schedules)) return;
        declared = config.schedules;
        applied = applied.then(apply);
      },
      options: { ...versioned(bundle, encrypts(config)), ...orchestration },
      beside: (create) =>
        hostVersions({
          client,
          own: bundle.buildId,
          async create(buildId) {
            const earlier = await bundleOf(bundles, buildId);
            return earlier && create({ ...versioned(earlier, encrypts(config)), ...orchestration });
          },
        }),
      close: async () => {
        await applied;
        await notifier.close();
        await mlflow.close();
      },
    };
  },

  async training(config, connection, logs) {
    const client = new Client({ connection, ...forgiving(config) });
    const mlflow = createMlflow(mlflowOptions(config));
    const store = createArtifactStore({
      ...artifactStoreOptions(config),
      onForged: (key) =>
        Runtime.instance().logger.warn('a prepared data set in the artifact store is not ours, and is made again', {
          key,
          next: 'Hosts of one service share artifacts.keyFile. If they do, somebody else has written to the store.',
        }),
    });
    const processes = await createTrainingProcesses(config);
    const { codeDigest } = processes;
    const runner = withShippedLogs(processes.runner, logs.shipper);
    return {
      options: {
        activities: registeredOn(
          'training',
          createActivities.training({ config, mlflow, store, runner, codeDigest, client }),
        ),
        // One more than computes at once, so that a proposal never waits for a trial.
        maxConcurrentActivityTaskExecutions: config.worker.slots + 1,
      },
      close: async () => {
        await processes.close();
        await mlflow.close();
      },
    };
  },

  async deployment(config, _connection, { shipper }) {
    const { of, endUndeclared, close } = createDeployments(config);
    const activities = registeredOn('deployment', createActivities.deployment({ of, shipper }));
    const end = () => {
      void endUndeclared().catch((error: unknown) =>
        Runtime.instance().logger.warn(`an API that the settings no longer name may still run: ${causeText(error)}`),
      );
    };
    end();
    return { options: { activities }, settingsChanged: end, close };
  },
} as const satisfies Record<
  WorkerRole,
  (config: Config, connection: NativeConnection, logs: WorkerLogs, refresh: () => void) => Promise<Service>
>;

/**
 * Connects to Temporal and makes a worker for each role of the configuration.
 *
 * @param refresh reads a changed file into the settings
 */
export async function createWorkers(config: Config, refresh: () => void = () => {}): Promise<Workers> {
  const connection = await connect(config);
  const logs = createWorkerLogs(config);
  const services: Service[] = await Promise.all(
    config.worker.roles.map((role) => SERVICES[role](config, connection, logs, refresh)),
  );
  const create = (role: WorkerRole, options: Partial<WorkerOptions> = {}) =>
    Worker.create({
      connection,
      ...forgiving(config),
      taskQueue: TASK_QUEUES[role],
      shutdownGraceTime: config.worker.stopGrace * 1000,
      // Cancellation reaches an activity with the answer to a heartbeat: this bounds how long that takes.
      maxHeartbeatThrottleInterval: '2 seconds',
      defaultHeartbeatThrottleInterval: '2 seconds',
      ...options,
    });
  const workers = await Promise.all(config.worker.roles.map((role, index) => create(role, services[index]?.options)));
  return {
    async run(ready) {
      const running = Promise.all(workers.map((worker) => worker.run()));
      const besides = config.worker.roles.map((role, index) =>
        services[index]?.beside?.((options) => create(role, options)),
      );
      try {
        await Promise.race([running, Promise.all(besides.map((beside) => beside?.ready)).then(ready)]);
        await running;
      } finally {
        await Promise.allSettled(besides.map((beside) => beside?.close()));
        await Promise.allSettled(services.map((service) => service.close()));
        await logs.close();
        await connection.close();
      }
    },
    settingsChanged: () => {
      for (const service of services) service.settingsChanged?.();
    },
    shutdown: () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

async function connect(config: Config): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(connectionOptions(config));
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new ConfigError(
      `Temporal does not answer at ${config.temporal.address} (${await whyAway(config, error)}). ` +
        'Start it, or correct temporal.address in mediwatch.yaml or TEMPORAL_ADDRESS, and start the worker again.',
      { cause: error },
    );
  }
}
