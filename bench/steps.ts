import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import { TASK_QUEUES, workflowIds } from '../src/contracts/names.ts';
import { running } from '../test/support/stack.ts';
import { startTemporal } from '../test/support/temporal.ts';
import { quiet, startWorkers } from '../test/support/workers.ts';
import { createWorld } from '../test/support/world.ts';
import { inTurn, ratio, say, summary } from './figures.ts';
import { residentMib } from './processes.ts';
import { startBenchStack } from './stack.ts';

interface Options {
  rounds: number;
  /** Activities of a round of each side. */
  steps: number;
  /** Trials of the short and of the long search. */
  few: number;
  many: number;
}

/** Steps that do nothing, through our workflows and through the bare SDK; then how long searches scale. */
export async function benchSteps({ rounds, steps, few, many }: Options) {
  return { noOpStep: await noOpSteps(rounds, steps), search: await searches(few, many) };
}

async function noOpSteps(rounds: number, count: number) {
  quiet();
  const temporal = await startTemporal();
  const activities = createWorld().activities();
  const workers = await startWorkers(temporal.address, activities);
  const connection = await NativeConnection.connect({ address: temporal.address });
  const bare = await Worker.create({
    connection,
    taskQueue: 'bare',
    workflowBundle: await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'steps/sequence.ts') }),
    activities: { nothing: async () => undefined },
  });
  const ended = bare.run();
  try {
    const { client } = workers;
    const bareMs: number[] = [];
    const ours: number[] = [];
    await inTurn(rounds, [
      async (round) => void bareMs.push(await msPerActivity(client, 'sequence', 'bare', [count], `bare-${round}`)),
      async (round) => {
        // A trial is proposed, and then run: two activities, one after the other.
        const input = { trials: count / 2, parallel: 1 };
        const { orchestration } = TASK_QUEUES;
        ours.push(await msPerActivity(client, 'hyperparameterSearch', orchestration, [input], `ours-${round}`));
      },
    ]);
    return { ratioToBareSdk: ratio(ours, bareMs), oursMs: summary(ours), bareSdkMs: summary(bareMs), steps: count };
  } finally {
    bare.shutdown();
    await ended;
    await connection.close();
    await workers.stop();
    await temporal.stop();
  }
}

async function msPerActivity(client: Client, type: string, taskQueue: string, args: unknown[], workflowId: string) {
  const startedAt = performance.now();
  await client.workflow.execute(type, { workflowId, taskQueue, args });
  const ms = performance.now() - startedAt;
  const { activities } = await historyOf(client.workflow.getHandle(workflowId));
  return ms / activities;
}

async function historyOf(handle: WorkflowHandle) {
  const { events = [] } = await handle.fetchHistory();
  const activities = (events ?? []).filter((event) => event.activityTaskCompletedEventAttributes).length;
  return { activities, events: events?.length ?? 0 };
}

const SAMPLE_MS = 1_000;

/** Samples something from the beginning to the end; gives what it was at first, after each quarter of the time, and last. */
async function whileSampling(sample: () => number, body: () => Promise<unknown>): Promise<Record<string, number>> {
  const samples = [sample()];
  const timer = setInterval(() => samples.push(sample()), SAMPLE_MS);
  await body().finally(() => clearInterval(timer));
  samples.push(sample());
  const at = (share: number) => samples[Math.round(share * (samples.length - 1))] ?? Number.NaN;
  return { first: at(0), quarter: at(0.25), half: at(0.5), threeQuarters: at(0.75), last: at(1) };
}

/** A search with few and one with many trials of the sample data, on a stack of their own. */
async function searches(few: number, many: number) {
  const stack = await startBenchStack();
  const worker = () => residentMib(running(stack.processes(), 'src/worker.ts'));
  try {
    const measured = [];
    // What is slow once, such as a pool that begins, is no part of either.
    for (const trials of [2, few, many]) {
      say(`a search with ${trials} trials`);
      const workflowId = workflowIds.started('hyperparameterSearch', new Date());
      const startedAt = performance.now();
      const handle = await stack.client.workflow.start('hyperparameterSearch', {
        workflowId,
        taskQueue: TASK_QUEUES.orchestration,
        args: [{ data: stack.data, trials }],
      });
      const memory = await whileSampling(worker, () => handle.result());
      const secondsPerTrial = (performance.now() - startedAt) / 1000 / trials;
      const runs = [];
      for await (const { historyLength, historySize } of stack.client.workflow.list({
        query: `WorkflowId = '${workflowId}'`,
      })) {
        runs.push({ events: historyLength, bytes: historySize ?? 0 });
      }
      measured.push({
        trials,
        secondsPerTrial: Number(secondsPerTrial.toPrecision(3)),
        workerResidentMib: memory,
        runs: runs.length,
        mostEvents: Math.max(...runs.map(({ events }) => events)),
        mostHistoryBytes: Math.max(...runs.map(({ bytes }) => bytes)),
      });
    }
    const [, short, long] = measured;
    const perTrial = Number(((long?.secondsPerTrial ?? 0) / (short?.secondsPerTrial ?? 1)).toPrecision(3));
    return { ratioOfSecondsPerTrial: perTrial, short, long };
  } finally {
    await stack.close();
  }
}
