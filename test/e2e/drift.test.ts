import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TAGS, workflowIds } from '../../src/contracts/names.ts';
import { type StewardState, stewardQuery } from '../../src/contracts/steward.ts';
import type { DriftCheckResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../support/command.ts';
import { type Patient, patients, spread } from '../support/population.ts';
import { createTestStack, type StackRun, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODEL = 'MediWatchReadmit';
const ROWS = 400;

/** Nobody lifts a hand between the predictions and the new version that serves: the tests build on one another. */
describe.runIf(process.platform === 'linux')('drift on the real data', { timeout: 600_000 }, () => {
  let stack: TestStack;
  let run: StackRun;
  let mlflow: Mlflow;
  let client: Client;

  beforeAll(async () => {
    stack = await createTestStack();
    // A short search, and a model is promoted whatever it scores: it is the way there that is tested.
    Object.assign(stack.env, { MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_PROMOTION_POLICY: 'always' });
    run = stack.start();
    await run.up();
    mlflow = createMlflow({ uri: `http://127.0.0.1:${stack.ports.MLFLOW_PORT}`, timeoutMs: 30_000 });
    const connection = await Connection.connect({ address: `127.0.0.1:${stack.ports.TEMPORAL_PORT}` });
    client = new Client({ connection });
    const { exitCode, stderr } = await mediwatch(stack.env, 'retrain', '--trials', '0', '--follow');
    expect(exitCode, stderr).toBe(0);
  }, 400_000);
  afterAll(async () => {
    await client?.connection.close();
    await mlflow?.close();
    await stack.dispose();
  }, 60_000);

  const predict = async (records: Patient[]) => {
    for (let from = 0; from < records.length; from += 50) {
      const answer = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ records: records.slice(from, from + 50) }),
      });
      expect(answer.status).toBe(200);
    }
  };
  const check = async () => {
    const { exitCode, json, stderr } = await mediwatch<{ result: DriftCheckResult }>(stack.env, 'drift', 'check');
    expect(exitCode, stderr).toBe(0);
    return json.result;
  };
  const retrains = async () => {
    const found: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query: "WorkflowType = 'retrain'" }))
      found.push(workflowId);
    return found;
  };
  const served = async () => {
    const answer = await fetch(`http://127.0.0.1:${stack.ports.API_PORT}/health`);
    return ((await answer.json()) as { model_version: string }).model_version;
  };

  test('too few predictions are a skip that says how many there are', async () => {
    await predict(
      spread(
        patients(() => true),
        74,
      ),
    );
    const result = await check();
    expect(result).toMatchObject({
      verdict: 'skipped',
      grounds: { code: 'tooFewRows', rows: 37, minRows: 50 },
      alerted: false,
    });
  });

  test('two samples of the same patients are no drift, and nothing is started', async () => {
    const all = spread(
      patients(() => true),
      2 * ROWS,
    );
    await predict(all.filter((_, index) => index % 2 === 0));
    await predict(all.filter((_, index) => index % 2 === 1));
    const result = await check();
    expect(result).toMatchObject({ verdict: 'no drift', alerted: false });
    expect(await retrains()).toHaveLength(1);
  });

  test('emergency admissions of patients over 80 are drift: one retrain, and its version serves', async () => {
    const isEmergency = ({ admission_type_id, age }: Patient) =>
      admission_type_id === '1' && (age === '[80-90)' || age === '[90-100)');
    await predict(spread(patients(isEmergency), 2 * ROWS));
    const result = await check();
    expect(result, JSON.stringify(result.grounds)).toMatchObject({ verdict: 'drift', alerted: true });
    expect(result.columns).toContain('age');

    const steward = client.workflow.getHandle(workflowIds.steward(MODEL));
    const stateOf = () => steward.query<StewardState>(stewardQuery);
    const ended = async () => (await stateOf()).last !== null;
    await until(ended, { timeoutMs: 400_000, what: 'the retrain of the steward to end' });
    expect(await stateOf()).toMatchObject({
      phase: 'cooling',
      failures: 0,
      last: { ending: { code: 'promoted', version: '2' } },
    });
    expect(await served()).toBe('2');
    expect(await mlflow.getVersion(MODEL, '2')).toMatchObject({
      stage: 'Production',
      aliases: expect.arrayContaining(['champion']),
      tags: { [TAGS.trigger]: 'drift alert', [TAGS.driftReport]: result.report.url },
    });
  });

  test('the same predictions, checked again, start nothing more', async () => {
    expect(await check()).toMatchObject({ verdict: 'drift', alerted: true });
    const steward = client.workflow.getHandle(workflowIds.steward(MODEL));
    const state = await steward.query<StewardState>(stewardQuery);
    expect(state).toMatchObject({ counted: 1, duplicates: 1, retrains: 1, pending: null });
    expect(await retrains()).toHaveLength(2);
    const report = await mlflow.getArtifactText(await runOf(), 'drift/evidently_report.html');
    expect(report).toContain('<html');
  });

  /** The MLflow run of the latest check. */
  async function runOf(): Promise<string> {
    const [version] = await mlflow.listVersions(MODEL);
    const run = await mlflow.getRun(version?.runId as string);
    const checks = await mlflow.searchRuns(
      run?.experimentId as string,
      "tags.mediwatch.workflow_id LIKE 'driftCheck%'",
    );
    return checks[0]?.runId as string;
  }
});
