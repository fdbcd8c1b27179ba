import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { execa } from 'execa';
import { loadConfig, PROJECT_ROOT } from '../src/config.ts';
import { TASK_QUEUES, workflowIds } from '../src/contracts/names.ts';
import type { Progress } from '../src/contracts/progress.ts';
import { progressQuery } from '../src/contracts/progress.ts';
import type { RetrainResult } from '../src/contracts/workflows.ts';
import { codecOf } from '../src/systems/encryption.ts';
import { clientOptions } from '../src/systems/temporal.ts';
import { createTestStack, type TestStack } from '../test/support/stack.ts';
import { inTurn, ratio, say, summaries, summary } from './figures.ts';

interface Ours {
  /** From the start of the workflow to the registered version (s). */
  registered: number;
  stages: Record<string, number>;
  /** Mean time of a trial that was not spent in the step itself (s). */
  overheadPerTrial: number;
  testAuc: number;
}

/**
 * Runs the plain script and our retrain in turn, on a stack of their own, and compares the time from the start to the
 * registered version. Data are prepared anew each time.
 */
export async function benchRetrain({ trials, rounds }: { trials: number; rounds: number }) {
  const stack = await createTestStack();
  try {
    say('starting a stack');
    await stack.start().up();
    const plain: number[] = [];
    const ours: Ours[] = [];
    await inTurn(rounds, [
      async (round) => void plain.push(await plainScript(stack, trials, round)),
      async () => void ours.push(await retrain(stack, trials)),
    ]);
    const registered = ours.map((run) => run.registered);
    return {
      ratioToPlainScript: ratio(registered, plain),
      overheadSecondsPerTrial: summary(ours.map((run) => run.overheadPerTrial)),
      retrainSeconds: summary(registered),
      plainScriptSeconds: summary(plain),
      stageSeconds: summaries(ours.map((run) => run.stages)),
      testAuc: summary(ours.map((run) => run.testAuc)),
      trials,
    };
  } finally {
    await stack.dispose();
  }
}

/** Seconds of the same functions in one plain process with the same concurrency, from its start to its end. */
async function plainScript(stack: TestStack, trials: number, round: number): Promise<number> {
  const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
  say('plain script');
  const startedAt = performance.now();
  await execa(
    join(PROJECT_ROOT, 'python/.venv/bin/python'),
    [
      join(PROJECT_ROOT, 'python/plain_script.py'),
      ...[
        '--data',
        join(PROJECT_ROOT, config.data.path),
        '--trials',
        String(trials),
        '--jobs',
        String(config.worker.slots),
      ],
      ...[
        '--tracking-uri',
        config.mlflow.uri,
        '--registered-model',
        'Plain',
        '--out',
        join(stack.dir, `plain-${round}`),
      ],
    ],
    { env: { PYTHONPATH: join(PROJECT_ROOT, 'python'), OMP_WAIT_POLICY: 'PASSIVE' } },
  );
  const seconds = (performance.now() - startedAt) / 1000;
  say(`plain script: ${seconds.toFixed(1)} s`);
  return seconds;
}

async function retrain(stack: TestStack, trials: number): Promise<Ours> {
  const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
  const connection = await Connection.connect({ address: config.temporal.address });
  const client = new Client({ connection, ...clientOptions(config) });
  say('retrain');
  const startedAt = Date.now();
  const handle = await client.workflow.start('retrain', {
    workflowId: workflowIds.started('retrain', new Date()),
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ trials, force: true }],
  });
  const { version } = (await handle.result()) as RetrainResult;
  const progress = await handle.query<Progress, []>(progressQuery);
  const search = client.workflow.getHandle(workflowIds.stage(handle.workflowId, 'hyperparameterSearch'));
  const overheadPerTrial = trials === 0 ? 0 : await trialOverhead(search, codecOf(config));
  await connection.close();

  const stages = Object.fromEntries(
    progress.stages.map(({ name, startedAt = 0, endedAt = 0 }) => [name, (endedAt - startedAt) / 1000]),
  );
  const trained = progress.stages.find(({ name }) => name === 'trainBestAndRegister');
  const registered = ((trained?.endedAt ?? Number.NaN) - startedAt) / 1000;
  say(
    `retrain: ${registered.toFixed(1)} s to the registered version, ${((Date.now() - startedAt) / 1000).toFixed(1)} s in all`,
  );
  return { registered, stages, overheadPerTrial, testAuc: version.metrics.test_auc ?? Number.NaN };
}

/**
 * From the history: the time from scheduling a trial, and each of its rungs, to the result, less the seconds that the step
 * itself counted.
 */
async function trialOverhead(
  search: ReturnType<Client['workflow']['getHandle']>,
  codec: PayloadCodec,
): Promise<number> {
  const { events } = await search.fetchHistory();
  const scheduled = new Map<string, number>();
  let trials = 0;
  let overhead = 0;
  for (const event of events ?? []) {
    const time = Number(event.eventTime?.seconds ?? 0) + (event.eventTime?.nanos ?? 0) / 1e9;
    if (/^run(Trial|Rung)$/.test(event.activityTaskScheduledEventAttributes?.activityType?.name ?? '')) {
      scheduled.set(String(event.eventId), time);
    }
    const completed = event.activityTaskCompletedEventAttributes;
    const start = scheduled.get(String(completed?.scheduledEventId));
    const [payload] = await codec.decode(completed?.result?.payloads ?? []);
    if (start === undefined || !payload?.data) continue;
    const result = JSON.parse(Buffer.from(payload.data).toString()) as Partial<TrialEnd & RungEnd>;
    overhead += time - start - (result.metrics?.trial_seconds ?? result.seconds ?? Number.NaN);
    // The last activity of a trial; one whose rung let it go on has another.
    if (result.prunedRunId !== null) trials += 1;
  }
  return overhead / trials;
}

interface TrialEnd {
  metrics: Record<string, number>;
}
interface RungEnd {
  seconds: number;
  prunedRunId: string | null;
}
