import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { payloadConverterPath, workflowBundle } from '../../src/bundle.ts';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { DEPLOYMENT } from '../../src/workers/versions.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet } from '../support/workers.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const MODEL = 'MediWatchReadmit';
/** A host that has not polled for so long is taken for gone, unless a test says otherwise (ms). */
const ALIVE_MS = 90_000;
/** Number in Temporal's protocol (WorkflowTaskFailedCause). */
const UNHANDLED_COMMAND = 1;

let bundles: string;
/** Builds: today's code, the next release, and two more that are the same as that one. */
let today: string;
const [next, third, fourth] = ['next', 'third', 'fourth'] as const;

let server: TestTemporal;
let native: NativeConnection;
let client: Client;
let world: World;
let elsewhere: Worker[];
let running: Promise<unknown>;
let hosts: ChildProcess[];

beforeAll(async () => {
  quiet();
  bundles = mkdtempSync(join(tmpdir(), 'mediwatch-versions-'));
  today = (await workflowBundle(bundles)).buildId;
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const workflowsPath = join(FIXTURES, 'changedWorkflows.ts');
  const { code } = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger });
  const path = (build: string) => join(bundles, `workflows-${build}.js`);
  writeFileSync(path(next), code);
  for (const build of [third, fourth]) copyFileSync(path(next), path(build));
});
afterAll(() => rmSync(bundles, { recursive: true, force: true }));

beforeEach(async () => {
  server = await startTemporal();
  native = await NativeConnection.connect({ address: server.address });
  await ensureSearchAttributes(native, 'default');
  const dataConverter = { payloadConverterPath };
  client = new Client({ connection: await Connection.connect({ address: server.address }), dataConverter });
  world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_STEWARD_COOLDOWN: '3600' });
  addVersions(world, 0.5);
  hosts = [];
  const act = (name: string) => async (input: unknown) => perform(name, input);
  const activities = Object.fromEntries(names().map((name) => [name, act(name)]));
  // As in earnest, these workers have no version: they run activities only.
  const queues = [TASK_QUEUES.training, TASK_QUEUES.deployment];
  elsewhere = await Promise.all(
    queues.map((taskQueue) => Worker.create({ connection: native, taskQueue, activities, dataConverter })),
  );
  running = Promise.all(elsewhere.map((worker) => worker.run()));
});
afterEach(async () => {
  for (const host of hosts) host.kill('SIGKILL');
  for (const worker of elsewhere) worker.shutdown();
  await running;
  await Promise.all([client.connection.close(), native.close()]);
  await server.stop();
});

const names = () => Object.keys(world.activities()).filter((name) => name !== 'raiseAlert');
const perform = (name: string, input: unknown) =>
  (world.activities() as Record<string, (input: unknown) => Promise<unknown>>)[name]?.(input);

/** Starts a host in a process of its own, and waits until it takes tasks. */
async function startHost(build: string, aliveMs = ALIVE_MS): Promise<ChildProcess> {
  const host = fork(join(FIXTURES, 'host.ts'), [server.address, bundles, build, String(aliveMs), names().join()]);
  hosts.push(host);
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  host.on('message', async ({ call, name, input }: { call: number; name?: string; input: unknown }) => {
    if (!name) return isReady();
    const answer = await perform(name, input)?.then(
      (result) => ({ call, result }),
      (error: Error) => ({ call, error: error.message }),
    );
    if (host.connected) host.send(answer ?? { call });
  });
  await ready;
  return host;
}

async function kill(host: ChildProcess): Promise<void> {
  host.kill('SIGKILL');
  await once(host, 'exit');
}

/** Starts as the UI or a schedule would: with no word about versions. */
const start = (workflowId: string, type = 'retrain') =>
  client.workflow.start(type, { workflowId, taskQueue: TASK_QUEUES.orchestration, args: [] });

async function currentBuild(): Promise<string | undefined> {
  const request = { namespace: 'default', deploymentName: DEPLOYMENT };
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment(request);
  return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? undefined;
}

const events = async (workflowId: string) => (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

/** The builds that took the steps of a workflow, in order, each once in a row. */
async function buildsOf(workflowId: string): Promise<string[]> {
  const steps = (await events(workflowId)).flatMap((event) => event.workflowTaskCompletedEventAttributes ?? []);
  const builds = steps.map(({ deploymentVersion }) => deploymentVersion?.buildId ?? 'none');
  return builds.filter((build, index) => build !== builds[index - 1]);
}

/** Workflow tasks that failed, of all workflows there are: a replay that went wrong is one. */
async function failedTasks(): Promise<string[]> {
  const failed: string[] = [];
  for await (const { workflowId } of client.workflow.list()) {
    const causes = (await events(workflowId)).flatMap((event) => event.workflowTaskFailedEventAttributes ?? []);
    // Something came in while the workflow decided: the server asks it again.
    const bad = causes.filter(({ cause }) => cause !== UNHANDLED_COMMAND);
    failed.push(...bad.map(({ cause, failure }) => `${workflowId}: ${cause} ${failure?.message}`));
  }
  return failed;
}

/** An activity that waits until the test lets it go on. */
function gate(name: 'runTrial' | 'bringUpCandidate') {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const original = createWorld().activities()[name] as (input: unknown) => Promise<unknown>;
  world.override[name] = (async (input: unknown) => {
    reach();
    await opened;
    return await original(input);
  }) as never;
  return { open, reached };
}

it('in a rolling upgrade runs end with the code they began with, steward and lock move on, and new runs have the new code', async () => {
  const held = gate('bringUpCandidate');
  const old = await startHost(today);
  const steward = workflowIds.steward(MODEL);
  await raiseAlert(client, MODEL, {});
  const before = await start('before');
  await held.reached;
  const lock = workflowIds.lock(MODEL);

  await startHost(next);
  expect(await currentBuild()).toBe(next);
  const after = await start('after');
  await raiseAlert(client, MODEL, {});
  await until(async () => (await buildsOf(steward)).includes(next), {
    timeoutMs: 20_000,
    what: 'the steward to move on',
  });
  held.open();
  await Promise.all([before.result(), after.result()]);

  expect(await buildsOf('before')).toEqual([today]);
  expect(await buildsOf('before/promote')).toEqual([today]);
  expect(await buildsOf('after')).toEqual([next]);
  expect(await buildsOf('after/promote')).toEqual([next]);
  expect(await buildsOf(steward)).toEqual([today, next]);
  expect((await buildsOf(lock)).at(-1)).toBe(next);
  expect(await failedTasks()).toEqual([]);

  // It restarts, while the newer one is there.
  await kill(old);
  await startHost(today);
  expect(await currentBuild()).toBe(next);
});

it('a retrain whose worker dies and is replaced by the next release, twice, goes on with the code it began with', async () => {
  const trial = gate('runTrial');
  const candidate = gate('bringUpCandidate');
  const old = await startHost(today);
  const before = await start('before');
  await trial.reached;
  await kill(old);
  const replacement = await startHost(next);
  trial.open();
  await candidate.reached;
  await kill(replacement);
  await startHost(next);
  const after = await start('after');
  candidate.open();
  await Promise.all([before.result(), after.result()]);
  expect(await buildsOf('before')).toEqual([today]);
  expect(await buildsOf('before/redeploy')).toEqual([today]);
  expect(await buildsOf('after')).toEqual([next]);
  expect(await failedTasks()).toEqual([]);
});

it('an older release becomes current again only when no worker of the newer one is left', async () => {
  await startHost(today);
  const newer = await startHost(next);
  await kill(newer);
  expect(await currentBuild()).toBe(next);
  await startHost(today, 1);
  expect(await currentBuild()).toBe(today);
  const run = await start('after', 'prepareData');
  await run.result();
  expect(await buildsOf('after')).toEqual([today]);
});

it('of two releases that start at once one becomes current, and runs a workflow that was started before', async () => {
  const early = await start('early', 'prepareData');
  await Promise.all([startHost(third), startHost(fourth)]);
  await early.result();
  const current = await currentBuild();
  expect([third, fourth]).toContain(current);
  const run = await start('after', 'prepareData');
  await run.result();
  expect(await buildsOf('after')).toEqual([current]);
});
