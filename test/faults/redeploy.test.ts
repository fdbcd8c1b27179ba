import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import type { PromoteResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../support/command.ts';
import { startLoad } from '../support/load.ts';
import { sampleData } from '../support/sampleData.ts';
import { createTestStack, running, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { failureOf } from '../support/workflowBench.ts';

const MODEL = 'MediWatchReadmit';

/** Parts are killed while a promotion to Production is at a step; the stack starts them again, as a host would. */
describe.runIf(process.platform === 'linux')('a promotion whose parts die', { timeout: 300_000 }, () => {
  let stack: TestStack;
  let mlflow: Mlflow;
  let client: Client;
  let attempt = 0;

  beforeAll(async () => {
    stack = await createTestStack();
    stack.env.MEDIWATCH_DATA_PATH = sampleData(stack.dir);
    Object.assign(stack.env, { MEDIWATCH_ROLLOUT_BAKE_SECONDS: '12', MEDIWATCH_ROLLOUT_SHARE: '0.5' });
    await stack.start(['--no-retrain']).up();
    mlflow = createMlflow({ uri: `http://127.0.0.1:${stack.ports.MLFLOW_PORT}`, timeoutMs: 30_000 });
    client = new Client({
      connection: await Connection.connect({ address: `127.0.0.1:${stack.ports.TEMPORAL_PORT}` }),
    });
    for (const stage of ['Production', 'None']) {
      const { exitCode, stderr } = await mediwatch(stack.env, 'retrain', '--trials', '0', '--stage', stage, '--follow');
      expect(exitCode, stderr).toBe(0);
    }
  }, 300_000);
  afterAll(async () => {
    await client?.connection.close();
    await mlflow?.close();
    await stack?.dispose();
  }, 60_000);

  /** Starts a promotion of the version that is not in Production. */
  async function promote(): Promise<{ handle: WorkflowHandle; version: string }> {
    const versions = await mlflow.listVersions(MODEL);
    const version = versions.find(({ stage }) => stage !== 'Production')?.version as string;
    attempt += 1;
    const handle = await client.workflow.start('promote', {
      workflowId: `promote-${attempt}`,
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ version, policy: 'always' }],
    });
    return { handle, version };
  }

  /** Waits until the workflow, or its redeploy, has come to an activity. */
  const reached = (handle: WorkflowHandle, activity: string) =>
    until(
      async () => {
        for (const id of [handle.workflowId, `${handle.workflowId}/redeploy`]) {
          const history = await client.workflow
            .getHandle(id)
            .fetchHistory()
            .catch(() => undefined);
          const names = history?.events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
          if (names?.includes(activity)) return true;
        }
        return false;
      },
      { timeoutMs: 120_000, what: `the promotion to come to ${activity}` },
    );

  const served = async () => {
    const answer = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/health`);
    return ((await answer.json()) as { model_version?: string }).model_version;
  };

  test.each([
    ['the worker', 'src/worker.ts', 'compareVersions'],
    ['the worker', 'src/worker.ts', 'promoteVersion'],
    ['the worker', 'src/worker.ts', 'bringUpCandidate'],
    ['the worker', 'src/worker.ts', 'shiftTraffic'],
    ['MLflow', 'mlflow_server.py', 'compareVersions'],
    ['the gateway', 'src/gateway/main.ts', 'bringUpCandidate'],
  ])('kill -9 of %s (%s) at %s: it completes, and registry and API agree', async (_, program, activity) => {
    const { handle, version } = await promote();
    await reached(handle, activity);
    for (const pid of running(stack.processes(), program)) process.kill(pid, 'SIGKILL');

    const { promotion, deployment } = (await handle.result()) as PromoteResult;
    expect(promotion).toMatchObject({ promoted: true, version });
    expect(deployment).toMatchObject({ version });
    const inProduction = (await mlflow.listVersions(MODEL)).filter(({ stage }) => stage === 'Production');
    expect(inProduction.map(({ version }) => version)).toEqual([version]);
    await until(async () => (await served().catch(() => undefined)) === version, {
      timeoutMs: 30_000,
      what: `version ${version} to serve`,
    });
    // One API process serves; the replaced one and any candidate are gone.
    await until(() => running(stack.processes(), 'mediwatch_training.serving').length <= 1, {
      timeoutMs: 30_000,
      what: 'the other API processes to be gone',
    });
  });

  test('a canary whose predictions are others is taken back under load, without a failed request', async () => {
    const data = sampleData(stack.dir, { swapped: true });
    const trained = await mediwatch(
      stack.env,
      'retrain',
      '--data',
      data,
      '--trials',
      '0',
      '--stage',
      'None',
      '--follow',
    );
    expect(trained.exitCode, trained.stderr).toBe(0);
    const before = await served();
    const apiUrl = `http://127.0.0.1:${stack.ports.API_PORT}`;
    const { example } = (await (await fetch(`${apiUrl}/schema`)).json()) as { example: { records: object[] } };
    const records = Array.from({ length: 20 }, () => example.records[0] as Record<string, unknown>);
    const load = startLoad({ apiUrl, requestsPerSecond: 10, records });

    const handle = await client.workflow.start('promote', {
      workflowId: 'promote-canary',
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ policy: 'always', strategy: 'canary' }],
    });
    const refused = await failureOf(handle);
    const answers = await load.stop();
    expect(refused.type).toBe('CanaryBreached');
    expect(refused.message).toContain('stability index');
    expect(answers.filter(({ failure }) => failure !== null)).toEqual([]);
    // The canary did answer its share.
    expect(new Set(answers.map(({ version }) => version)).size).toBe(2);
    expect(await served()).toBe(before);
    const inProduction = (await mlflow.listVersions(MODEL)).filter(({ stage }) => stage === 'Production');
    expect(inProduction.map(({ version }) => version)).toEqual([before]);
    expect(running(stack.processes(), 'mediwatch_training.serving')).toHaveLength(1);
  });
});
