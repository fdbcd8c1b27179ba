import { Client, Connection } from '@temporalio/client';
import { loadConfig, PROJECT_ROOT } from '../src/config.ts';
import { TASK_QUEUES, workflowIds } from '../src/contracts/names.ts';
import type { RetrainResult, WorkflowName } from '../src/contracts/workflows.ts';
import { clientOptions } from '../src/systems/temporal.ts';
import { startLoad } from '../test/support/load.ts';
import { sampleData } from '../test/support/sampleData.ts';
import { createTestStack } from '../test/support/stack.ts';
import { say, summary } from './figures.ts';

interface Options {
  /** How many redeploys, and how many rollbacks. */
  rounds: number;
  /** Requests a second to /predict while they go on. */
  rate: number;
}

/**
 * Redeploys the version in Production and rolls back to the other one, in turn, on a stack of its own, under a steady
 * load. The versions are trained on a sample: what is measured is how they are exchanged.
 */
export async function benchRedeploy({ rounds, rate }: Options) {
  const stack = await createTestStack();
  try {
    say('starting a stack');
    await stack.start().up();
    const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
    const { temporal, deployment } = config;
    const connection = await Connection.connect({ address: temporal.address });
    const client = new Client({ connection, ...clientOptions(config) });
    const run = async <Result>(workflow: WorkflowName, input: Record<string, unknown>) => {
      const startedAt = performance.now();
      const result = await client.workflow.execute(workflow, {
        workflowId: workflowIds.started(workflow, new Date()),
        taskQueue: TASK_QUEUES.orchestration,
        args: [input],
      });
      const seconds = (performance.now() - startedAt) / 1_000;
      say(`${workflow} ${JSON.stringify(input)}: ${seconds.toFixed(1)} s`);
      return { result: result as Result, seconds };
    };

    const data = sampleData(stack.dir);
    const versions: string[] = [];
    for (const seed of [1, 2]) {
      const input = { data, model: 'hgb', trials: 0, policy: 'always', seed };
      versions.push((await run<RetrainResult>('retrain', input)).result.version.version);
    }

    const apiUrl = deployment.apiUrl;
    const schema = (await (await fetch(`${apiUrl}/schema`)).json()) as { example: { records: [] } };
    const load = startLoad({ apiUrl, requestsPerSecond: rate, records: schema.example.records });
    const seconds = { redeploy: [] as number[], rollback: [] as number[] };
    for (let round = 0; round < rounds; round += 1) {
      seconds.redeploy.push((await run('redeploy', {})).seconds);
      // A version that was rolled back is not promoted again, but can be rolled back to by its name.
      const version = versions[round % 2];
      seconds.rollback.push((await run('rollback', { version, reason: 'benchmark' })).seconds);
    }
    const answers = await load.stop();
    await connection.close();

    const failures = answers.flatMap(({ failure }) => failure ?? []);
    for (const failure of failures.slice(0, 5)) say(`failed: ${failure}`);
    const latencies = answers.map(({ ms }) => ms).sort((one, other) => one - other);
    const answersOf = (version: string) => answers.filter((answer) => answer.version === version).length;
    return {
      requests: answers.length,
      failedRequests: failures.length,
      unknownVersionAnswers: answers.filter(({ version }) => version !== null && !versions.includes(version)).length,
      requestsPerSecond: rate,
      redeploySeconds: summary(seconds.redeploy),
      rollbackSeconds: summary(seconds.rollback),
      latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), max: percentile(latencies, 1) },
      answersByVersion: Object.fromEntries(versions.map((version) => [version, answersOf(version)])),
    };
  } finally {
    await stack.dispose();
  }
}

const round1 = (value: number) => Math.round(value * 10) / 10;
const percentile = (sorted: number[], share: number) =>
  round1(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN);
