import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Client } from '@temporalio/client';
import pRetry from 'p-retry';
import { pino } from 'pino';
import { createDeploymentActivities } from '../activities/deployment.ts';
import { createMonitoringActivities } from '../activities/monitoring.ts';
import { createRegistryActivities } from '../activities/registry.ts';
import type { TrainingSystems } from '../activities/training/systems.ts';
import { createTrainingActivities } from '../activities/training.ts';
import { BUNDLED_PYTHON, type Config, forModel, PROJECT_ROOT } from '../config.ts';
import { sampleData } from '../doctor/sample.ts';
import { createGateway, gatewayOptions } from '../gateway/gateway.ts';
import { createArtifactStore } from '../systems/artifacts/index.ts';
import { artifactStoreOptions } from '../systems/artifacts/options.ts';
import { createDeployments } from '../systems/deployment/index.ts';
import { createDocker } from '../systems/docker/client.ts';
import { NOT_SHIPPED } from '../systems/logs/index.ts';
import { createMlflow } from '../systems/mlflow/index.ts';
import { mlflowOptions } from '../systems/mlflow/options.ts';
import { embeddedLogs } from '../systems/monitorInput.ts';
import { freePort, LOOPBACK } from '../systems/ports.ts';
import { environmentOf } from '../systems/processes/environment.ts';
import { startGroup } from '../systems/processes/group.ts';
import { createReaper } from '../systems/processes/reaper.ts';
import { createTrainingProcesses } from '../workers/trainingProcesses.ts';

/** All that a retrain needs, in a folder of its own and with an MLflow of its own: what is real is not touched. */
export type World = Awaited<ReturnType<typeof openWorld>>;

const SERVER = join(PROJECT_ROOT, 'src', 'stack', 'mlflow_server.py');
/** The first start makes the tables of the data base (ms). */
const MLFLOW_START_MS = 120_000;
const GRACE_MS = 2_000;

interface Options {
  registeredModel: string;
  /** Rows of the table that are tried; 0: all. */
  rows: number;
  signal: AbortSignal;
}

/**
 * Makes it. Whatever happens, `close` must be called: it ends every process and removes every file.
 *
 * @throws {Error} when MLflow does not start; nothing is left then
 */
export async function openWorld(shared: Config, { registeredModel, rows, signal }: Options) {
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-try-'));
  const closing: Array<() => Promise<unknown>> = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const one of closing.toReversed()) await one().catch(() => undefined);
  };
  closing.push(temporaryIn(folder));
  try {
    const own = forModel(shared, registeredModel);
    const sample = await sampleData(own, rows, folder);
    const reaper = await createReaper({ graceMs: GRACE_MS });
    closing.push(() => reaper.close());
    const port = await freePort(new Set());
    const config = scratch(own, { folder, uri: `http://${LOOPBACK}:${port}`, data: sample.path });
    closing.push(await startMlflow(folder, port, reaper, signal));

    const mlflow = createMlflow(mlflowOptions(config));
    closing.push(() => mlflow.close());
    const processes = await createTrainingProcesses(config);
    closing.push(() => processes.close());
    const store = createArtifactStore(artifactStoreOptions(config));
    const { runner, codeDigest } = processes;
    // Only a search that a workflow has started tells it how far it is.
    const training: TrainingSystems = { config, mlflow, store, runner, codeDigest, client: {} as Client };
    const name = basename(folder).toLowerCase();
    return {
      config,
      /** What its API is called, as a process or as a container. */
      name,
      sample,
      training: createTrainingActivities(training),
      registry: createRegistryActivities({ config, mlflow }),
      monitoring: createMonitoringActivities(training),
      /** Opens a gateway on a free port, and what starts APIs behind it. */
      async openApi() {
        const options = gatewayOptions(config, pino({ level: 'silent' }));
        const gateway = await createGateway({ ...options, apiPort: 0 });
        closing.push(() => gateway.close());
        const { of, close: closeDeployments } = createDeployments(config);
        closing.push(closeDeployments);
        const { target } = of(registeredModel);
        if (config.deployment.target === 'docker') closing.push(await imagesOf(config));
        closing.push(() => target.stop(name, { drainMs: 0, force: true }));
        return { target, ...createDeploymentActivities({ of, shipper: NOT_SHIPPED }) };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Whatever is started keeps its temporary files in the folder: MLflow's client leaves the models that it fetched. */
function temporaryIn(folder: string): () => Promise<void> {
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  return async () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  };
}

/** Takes the images away that come with the API: those with a version, and a runtime image that was not on this host. */
async function imagesOf({ docker: { image, tag, option } }: Config): Promise<() => Promise<void>> {
  const docker = createDocker();
  const isOurs = option === 'baked' || !(await docker.image(`${image}:${tag}`));
  return async () => {
    const tags = option === 'baked' ? ['v1', ...BAKED_TAGS] : [tag];
    for (const one of isOurs ? tags : []) await docker.untag(`${image}:${one}`);
  };
}

const BAKED_TAGS = ['serves', 'released'] as const;

/** The settings with everything that is kept or listens moved into the folder. */
function scratch(own: Config, { folder, uri, data }: { folder: string; uri: string; data: string }): Config {
  const { mlflow, deployment, stack, docker, monitoring } = own;
  const [bakedTag, releaseTag] = BAKED_TAGS;
  // A script takes a file, where the bundled step takes a folder of them, which is there before the first prediction.
  const written = join(embeddedLogs(own), 'predictions.csv');
  const served = own.steps.monitor.command ? written : embeddedLogs(own);
  return {
    ...own,
    models: {},
    data: { ...own.data, path: data },
    mlflow: { ...mlflow, uri, uiUrl: uri, username: '', password: '', token: '', caFile: '', clientCertFile: '' },
    artifacts: { ...own.artifacts, store: 'mlflow', keyFile: '' },
    worker: { ...own.worker, slots: 1 },
    stack: { ...stack, dir: folder, bind: LOOPBACK, apiAdminPort: undefined },
    registry: { ...own.registry, trustedDigests: '' },
    deployment: { ...deployment, adminUrl: `unix:${join(folder, 'gateway', 'admin.sock')}` },
    docker: {
      ...docker,
      ...(docker.option === 'baked' && { image: basename(folder).toLowerCase(), bakedTag, releaseTag }),
      ...{ push: false, platforms: [], mlflowUri: '' },
    },
    // What people sent is read where it is; the report on it is not put in place of theirs.
    monitoring: {
      ...monitoring,
      log: monitoring.log || (existsSync(written) ? served : ''),
      outDir: join(folder, 'drift'),
    },
  };
}

async function startMlflow(
  folder: string,
  port: number,
  reaper: Awaited<ReturnType<typeof createReaper>>,
  signal: AbortSignal,
) {
  const home = join(folder, 'mlflow');
  await mkdir(home);
  const group = await startGroup({
    command: [
      ...[BUNDLED_PYTHON, SERVER, '--backend-store-uri', `sqlite:///${join(home, 'mlflow.db')}`],
      ...['--artifacts-destination', join(home, 'artifacts'), '--port', String(port)],
    ],
    cwd: home,
    env: {
      ...environmentOf(['computing']),
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
    stdin: 'ignore',
    reaper,
  });
  let ended = false;
  let tail = '';
  group.stdout.resume();
  group.stderr.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-2_000);
  });
  void group.exited.then(() => {
    ended = true;
  });
  const answers = async () => {
    if (ended) return;
    const { ok } = await fetch(`http://${LOOPBACK}:${port}/health`, { signal: AbortSignal.timeout(2_000) });
    if (!ok) throw new Error('not yet');
  };
  const polling = {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    factor: 1,
    maxRetryTime: MLFLOW_START_MS,
    signal,
  };
  try {
    await pRetry(answers, polling);
    if (ended) throw new Error(`the MLflow of the trial did not start. Its last output:\n${tail}`);
    return () => group.kill(GRACE_MS);
  } catch (error) {
    await group.kill(0);
    throw error;
  }
}
