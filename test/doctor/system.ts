import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import type { reportJson } from '../../src/doctor/report.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { mediwatch, startFakes } from '../cli/support.ts';
import { closeGateway, openGateway } from '../gateway/support.ts';
import { startMlflow } from '../support/mlflow.ts';
import { startTemporal } from '../support/temporal.ts';
import { quiet } from '../support/workers.ts';

export const MODEL = 'MediWatchReadmit';
const REGISTER = fileURLToPath(new URL('../gateway/fixtures/register_versions.py', import.meta.url));

export type TestSystem = Awaited<ReturnType<typeof startSystem>>;

/** All that the doctor looks at, for real: Temporal with pollers, MLflow with two small models, a gateway that serves. */
export async function startSystem() {
  quiet();
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-doctor-'));
  const [mlflow, temporal, gateway] = await Promise.all([startMlflow(), startTemporal(), openGateway()]);
  const [fakes, pollers, client] = await Promise.all([
    startFakes(temporal.address),
    startPollers(temporal.address),
    Connection.connect({ address: temporal.address }).then((connection) => new Client({ connection })),
    registerVersions(mlflow.uri, 2),
  ]);
  const registry = createMlflow({ uri: mlflow.uri, timeoutMs: 20_000 });
  await promoteByHand(registry, '1');
  await gateway.serve({ key: 'one', model: MODEL, version: '1' });
  return {
    dir,
    mlflow,
    temporal,
    gateway,
    client,
    registry,
    env: {
      TEMPORAL_ADDRESS: temporal.address,
      MLFLOW_TRACKING_URI: mlflow.uri,
      MEDIWATCH_DEPLOYMENT_API_URL: gateway.apiUrl,
      MEDIWATCH_DEPLOYMENT_ADMIN_URL: gateway.adminUrl,
      MEDIWATCH_STACK_DIR: dir,
    } as Record<string, string>,
    async stop() {
      await Promise.all([fakes.stop(), pollers.stop(), client.connection.close(), registry.close()]);
      await Promise.all([temporal.stop(), mlflow.stop(), closeGateway(gateway), rm(dir, { recursive: true })]);
    },
  };
}

/** Workers that ask for work of the other roles, and make the search attributes known as the real ones do. */
async function startPollers(address: string) {
  const connection = await NativeConnection.connect({ address });
  await ensureSearchAttributes(connection, 'default');
  const activities = { async nothing() {} };
  const workers = await Promise.all(
    [TASK_QUEUES.training, TASK_QUEUES.deployment].map((taskQueue) =>
      Worker.create({ connection, taskQueue, activities }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

async function registerVersions(uri: string, count: number): Promise<void> {
  const python = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
  await execa(python, [REGISTER, uri, MODEL, String(count)]);
}

/** Production and champion, and nothing else. */
export async function promoteByHand(registry: Mlflow, version: string): Promise<void> {
  await registry.transitionStage(MODEL, version, 'Production', { archiveExisting: true });
  await registry.setAlias(MODEL, 'champion', version);
}

/** Runs the doctor as a script would. */
export async function doctor(env: Record<string, string>, ...args: string[]) {
  const { code, out, err } = await mediwatch(['doctor', '--json', ...args], { env });
  const json = JSON.parse(out) as {
    healthy: boolean;
    checks: Array<ReturnType<typeof reportJson>>;
    fixAliases?: unknown;
  };
  const findings = (check: string) => json.checks.find((report) => report.check === check)?.findings ?? [];
  return {
    ...json,
    code,
    err,
    findings,
    problems: json.checks.filter(({ severity }) => severity === 'problem').map(({ check }) => check),
    codes: (check: string) => findings(check).map(({ code }) => code),
    facts: (check: string) => findings(check)[0]?.facts,
  };
}
