import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { workflowIds } from '../src/contracts/names.ts';
import { stewardQuery } from '../src/contracts/steward.ts';
import { raiseAlert, stewardStart } from '../src/systems/alerts.ts';
import { giveLock } from '../test/support/heldLock.ts';
import { sampleData } from '../test/support/sampleData.ts';
import { running } from '../test/support/stack.ts';
import { until } from '../test/support/until.ts';
import { say, summary } from './figures.ts';
import { cpuSeconds, residentMib } from './processes.ts';
import { type BenchStack, startBenchStack } from './stack.ts';

interface Options {
  models: number;
  /** Alerts that are measured, each of another model. */
  rounds: number;
  /** How long the idle stack is watched. */
  seconds: number;
}

/** After a start there is more to do for a while. */
const SETTLED_MS = 60_000;
/** What stands in the command lines of the processes that are watched. */
const PARTS = { worker: 'src/worker.ts', temporal: 'start-dev', mlflow: 'mlflow_server' };

/**
 * Gives each of many models a schedule and a steward on one stack with one worker, watches what the stack costs while
 * nothing happens, again while each model's lock is held, and then raises alerts for some of them; before it the same
 * with one model.
 */
export async function benchModels({ models, rounds, seconds }: Options) {
  const names = Array.from({ length: models }, (_, number) => `Model${number}`);
  const one = await withModels(names.slice(0, 1), seconds, 1);
  const all = await withModels(names, seconds, rounds);
  return { models, watchedSeconds: seconds, oneModel: one, allModels: all };
}

async function withModels(names: readonly string[], seconds: number, alerts: number) {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-bench-'));
  try {
    const stack = await startBenchStack({
      MEDIWATCH_CONFIG: await settingsOf(names, dir),
      MEDIWATCH_WORKER_APPLY_SCHEDULES: 'true',
      MEDIWATCH_DATA_ROOTS: dir,
    });
    try {
      const { client } = stack;
      say(`${names.length} models: schedules and stewards`);
      const stewards = await Promise.all(
        names.map(async (name) => {
          const { workflowId, firstExecutionRunId } = await client.workflow.start('driftSteward', stewardStart(name));
          return { name, holder: { workflowId, runId: firstExecutionRunId } };
        }),
      );
      await until(async () => (await scheduleCount(client)) === names.length, {
        timeoutMs: 300_000,
        what: 'the schedules to be there',
      });
      await delay(SETTLED_MS);
      const idle = await watch(stack, seconds);
      say('each with its lock held');
      // Stewards never end.
      await Promise.all(stewards.map(({ name, holder }) => giveLock(client, name, holder)));
      await delay(SETTLED_MS);
      const withLocksHeld = await watch(stack, seconds);
      const alertToRetrainSeconds = [];
      for (const name of names.slice(0, alerts)) alertToRetrainSeconds.push(await alertToRetrain(client, name));
      return { idle, withLocksHeld, alertToRetrainSeconds: summary(alertToRetrainSeconds) };
    } finally {
      await stack.close();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function settingsOf(names: readonly string[], dir: string): Promise<string> {
  // None of them starts anything meanwhile.
  const hour = (new Date().getUTCHours() + 12) % 24;
  const schedules = names.map((name) => [
    `nightly-${name}`,
    { workflow: 'retrain', cron: `0 ${hour} * * *`, input: { registeredModel: name } },
  ]);
  const settings = {
    data: { path: sampleData(dir) },
    search: { trials: 0 },
    deployment: { target: 'none' },
    registry: { registeredModel: names[0] },
    models: Object.fromEntries(names.map((name) => [name, {}])),
    schedules: Object.fromEntries(schedules),
  };
  const file = join(dir, 'mediwatch.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
  return file;
}

async function scheduleCount(client: Client): Promise<number> {
  let count = 0;
  for await (const _ of client.schedule.list()) count += 1;
  return count;
}

async function watch(stack: BenchStack, seconds: number) {
  const pids = Object.entries(PARTS).map(([part, text]) => [part, running(stack.processes(), text)] as const);
  const before = pids.map(([, of]) => cpuSeconds(of));
  await delay(seconds * 1_000);
  return Object.fromEntries(
    pids.map(([part, of], index) => {
      const used = cpuSeconds(of) - (before[index] ?? 0);
      return [part, { residentMib: residentMib(of), percentOfCore: Number(((100 * used) / seconds).toFixed(1)) }];
    }),
  );
}

/** Seconds from an alert until Temporal has started the retrain. */
async function alertToRetrain(client: Client, registeredModel: string): Promise<number> {
  const raisedAt = Date.now();
  await raiseAlert(client, registeredModel, { key: 'benchmark' });
  const steward = client.workflow.getHandle(workflowIds.steward(registeredModel));
  const { workflowId } = await until(async () => (await steward.query(stewardQuery)).current, {
    timeoutMs: 60_000,
    what: `a retrain of ${registeredModel}`,
  });
  const retrain = client.workflow.getHandle(workflowId);
  const { startTime } = await until(async () => await retrain.describe().catch(() => undefined), {
    timeoutMs: 60_000,
    what: `${workflowId} to begin`,
  });
  return (startTime.getTime() - raisedAt) / 1_000;
}
