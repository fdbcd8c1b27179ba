import { Client, Connection } from '@temporalio/client';
import { loadConfig, PROJECT_ROOT } from '../src/config.ts';
import { TASK_QUEUES, workflowIds } from '../src/contracts/names.ts';
import type { RetrainResult, WorkflowName } from '../src/contracts/workflows.ts';
import { clientOptions } from '../src/systems/temporal.ts';
import { sampleData } from '../test/support/sampleData.ts';
import { createTestStack } from '../test/support/stack.ts';
import { say } from './figures.ts';

export type BenchStack = Awaited<ReturnType<typeof startBenchStack>>;

/**
 * Starts a stack of its own.
 *
 * @param env settings as variables, besides those that lead to it
 */
export async function startBenchStack(env: Readonly<Record<string, string>> = {}) {
  const stack = await createTestStack();
  Object.assign(stack.env, env);
  try {
    say('starting a stack');
    await stack.start().up();
    const config = loadConfig({ ...process.env, ...stack.env }, PROJECT_ROOT);
    const connection = await Connection.connect({ address: config.temporal.address });
    const client = new Client({ connection, ...clientOptions(config) });
    const data = sampleData(stack.dir);
    /** Runs a workflow; how long it took from its start to its end is in seconds. */
    const run = async <Result>(workflow: WorkflowName, input: Record<string, unknown>) => {
      const startedAt = performance.now();
      const result = (await client.workflow.execute(workflow, {
        workflowId: workflowIds.started(workflow, new Date()),
        taskQueue: TASK_QUEUES.orchestration,
        args: [input],
      })) as Result;
      const seconds = (performance.now() - startedAt) / 1_000;
      say(`${workflow} ${JSON.stringify(input)}: ${seconds.toFixed(1)} s`);
      return { result, seconds };
    };
    return {
      config,
      client,
      /** Path of a sample of the data. */
      data,
      run,
      processes: stack.processes,
      /** Trains a version of a sample of the data, and promotes it. */
      retrain: (input: { trials: number; seed: number }) =>
        run<RetrainResult>('retrain', { data, model: 'hgb', policy: 'always', ...input }),
      async close() {
        await connection.close();
        await stack.dispose();
      },
    };
  } catch (error) {
    await stack.dispose();
    throw error;
  }
}
