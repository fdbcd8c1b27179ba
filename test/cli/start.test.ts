import { userInfo } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet } from '../support/workers.ts';
import { jsonLines, mediwatch, startFakes } from './support.ts';

let temporal: Awaited<ReturnType<typeof startTemporal>>;
let client: Client;
let env: Record<string, string>;

beforeAll(async () => {
  quiet();
  temporal = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  env = { TEMPORAL_ADDRESS: temporal.address };
});
afterAll(async () => {
  await client.connection.close();
  await temporal.stop();
});

/** What Temporal was asked to start. */
async function started(workflowId: string) {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const attributes = events?.[0]?.workflowExecutionStartedEventAttributes;
  return {
    type: attributes?.workflowType?.name,
    taskQueue: attributes?.taskQueue?.name,
    input: JSON.parse(Buffer.from(attributes?.input?.payloads?.[0]?.data ?? []).toString()),
  };
}

// No worker serves this server at first: what is started stays where it is.
describe('each command starts its workflow with what was typed, and nothing else', () => {
  const everything = [
    'retrain --trials 3 --parallel 2 --model rf --seed 7 --stage Staging --max-auc-loss 0.01 --no-redeploy --force',
    '--data s3://bucket/x.csv --registered-model M --trigger nightly',
  ].join(' ');
  it.each([
    ['retrain', 'retrain', { trigger: userInfo().username }],
    [
      everything,
      'retrain',
      {
        trials: 3,
        parallel: 2,
        model: 'rf',
        seed: 7,
        stage: 'Staging',
        maxAucLoss: 0.01,
        redeploy: false,
        force: true,
        data: 's3://bucket/x.csv',
        registeredModel: 'M',
        trigger: 'nightly',
      },
    ],
    ['prepare --seed 1', 'prepareData', { seed: 1 }],
    ['search --trials 9 --parallel 3', 'hyperparameterSearch', { trials: 9, parallel: 3 }],
    [
      'train --model hgb --param learning_rate=0.05 --param loss=log_loss early_stopping=true',
      'trainBestAndRegister',
      {
        model: 'hgb',
        params: { learning_rate: 0.05, loss: 'log_loss', early_stopping: true },
        trigger: userInfo().username,
      },
    ],
    ['promote 3 --force --detach', 'promote', { version: '3', force: true, by: expect.any(String) }],
    [
      'promote --approval --staging-first --strategy canary --policy always --by ada -d',
      'promote',
      { approval: true, stagingFirst: true, strategy: 'canary', policy: 'always', by: 'ada' },
    ],
    ['promote --stage Staging -d', 'promote', { stage: 'Staging', by: expect.any(String) }],
    ['rollback 2 --reason unwell -d', 'rollback', { version: '2', reason: 'unwell', by: expect.any(String) }],
    ['redeploy -d', 'redeploy', {}],
  ])('%s', async (line, type, input) => {
    const { code, out, err } = await mediwatch([...line.split(' '), '--json'], { env });
    expect(code).toBe(0);
    const document = JSON.parse(out);
    expect(document).toMatchObject({ event: 'started', workflow: type, runId: expect.any(String) });
    expect(document.workflowId).toMatch(new RegExp(`^${type}-\\d{4}-`));
    expect(document.url).toMatch(new RegExp(`/namespaces/default/workflows/${document.workflowId}$`));
    expect(err).toContain(`mediwatch follow ${document.workflowId}`);
    expect(await started(document.workflowId)).toEqual({ type, taskQueue: 'mediwatch', input });
  });

  it('a data file that is here is named in full, for the worker runs elsewhere', async () => {
    const { out } = await mediwatch(['prepare', '--data', 'package.json', '--json'], { env });
    const { input } = await started(JSON.parse(out).workflowId);
    expect(input.data).toMatch(/^\/.*\/package\.json$/);
  });
});

it('the same id twice starts one workflow', async () => {
  const first = await mediwatch(['retrain', '--id', 'nightly'], { env });
  expect(first).toMatchObject({ code: 0, out: expect.stringContaining('Started nightly') });
  const second = await mediwatch(['retrain', '--id', 'nightly'], { env });
  expect(second).toMatchObject({ code: 2, err: expect.stringContaining('"nightly" runs or has completed already') });
});

it('a namespace that does not exist is named', async () => {
  const { code, err } = await mediwatch(['retrain'], { env: { ...env, TEMPORAL_NAMESPACE: 'elsewhere' } });
  expect(code).toBe(2);
  expect(err).toContain('"elsewhere"');
  expect(err).toContain('TEMPORAL_NAMESPACE');
});

it('an unknown workflow is named, with the way to list them', async () => {
  for (const command of ['follow', 'cancel', 'status']) {
    const { code, err } = await mediwatch([command, 'no-such-id'], { env });
    expect([command, code]).toEqual([command, 2]);
    expect(err).toContain('"no-such-id"');
    expect(err).toContain('mediwatch status');
  }
});

it('Ctrl-C leaves the following, not the workflow, and says how to go on', async () => {
  const ctrlC = new AbortController();
  const onOut = (text: string) => text.includes('No worker polls') && ctrlC.abort();
  const { code, out } = await mediwatch(['retrain', '--id', 'left', '--follow'], {
    env,
    interrupted: ctrlC.signal,
    onOut,
  });
  expect(code).toBe(130);
  expect(out).toContain('mediwatch follow left');
  expect(out).toContain('mediwatch cancel left');
  expect((await client.workflow.getHandle('left').describe()).status.name).toBe('RUNNING');
});

it('following waits for a worker that is not there yet, says which one is missing, and sees the end', async () => {
  let out = '';
  const following = mediwatch(['retrain', '--id', 'late', '--follow', '--json'], {
    env,
    onOut: (text) => (out += text),
  });
  await until(() => out.includes('mediwatch: start one with'), { timeoutMs: 20_000, what: 'the notice' });
  const fakes = await startFakes(temporal.address);
  try {
    expect(await following).toMatchObject({ code: 0 });
    const events = jsonLines(out);
    expect(events.at(0)).toMatchObject({ event: 'started' });
    expect(events).toContainEqual(
      expect.objectContaining({
        event: 'notice',
        notices: ['No worker polls task queue mediwatch: start one with "npm run worker".'],
      }),
    );
    expect(events.at(-1)).toMatchObject({ event: 'result', state: 'completed', exitCode: 0 });
  } finally {
    await fakes.stop();
  }
});
