import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
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
    '--data s3://bucket/x.csv --registered-model M --undeclared --trigger nightly',
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
        registryStage: 'Staging',
        maxAucLoss: 0.01,
        redeploy: false,
        force: true,
        data: 's3://bucket/x.csv',
        registeredModel: 'M',
        undeclared: true,
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
    ['promote --stage Staging -d', 'promote', { registryStage: 'Staging', by: expect.any(String) }],
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

  it.each([
    ['prepare --data tests', { data: join(PROJECT_ROOT, 'python/tests') }],
    ['prepare --data elsewhere', { data: 'elsewhere' }],
    ['drift check --log tests', { log: join(PROJECT_ROOT, 'python/tests') }],
    ['drift check --log tests/*.csv', { log: join(PROJECT_ROOT, 'python/tests/*.csv') }],
    ['drift check --log elsewhere/*.csv', { log: 'elsewhere/*.csv' }],
    ['drift check --log s3://bucket/*.csv', { log: 's3://bucket/*.csv' }],
  ])('typed in a subfolder, what is there is named in full, and what is not stays: %s', async (line, expected) => {
    const cwd = join(PROJECT_ROOT, 'python');
    const { out } = await mediwatch([...line.split(' '), '--detach', '--json'], { env, cwd });
    expect((await started(String(jsonLines(out)[0]?.workflowId))).input).toMatchObject(expected);
  });
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

describe('the same id twice', () => {
  it('starts one workflow; whoever does not stay is told, with 2', async () => {
    const first = await mediwatch(['retrain', '--id', 'nightly'], { env });
    expect(first).toMatchObject({ code: 0, out: expect.stringContaining('Started nightly') });
    const second = await mediwatch(['retrain', '--id', 'nightly'], { env });
    expect(second).toMatchObject({ code: 2, err: expect.stringContaining('a workflow "nightly" runs already') });
    expect(second.err).toContain('mediwatch follow nightly');
    expect(await mediwatch(['promote', '--id', 'nightly', '-d'], { env })).toMatchObject({ code: 2 });
  });

  it('follows what the first call started, by its input, and ends as it ends', async () => {
    const call = (...args: string[]) => mediwatch(['retrain', '--id', 'once', ...args], { env });
    await call('--trigger', 'refuse');
    let out = '';
    const onOut = (text: string) => (out += text);
    const second = mediwatch(['retrain', '--id', 'once', '--follow', '--json', '--trigger', 'fail'], { env, onOut });
    await until(() => out.includes('\n'), { timeoutMs: 20_000, what: 'the second call to follow' });
    const fakes = await startFakes(temporal.address);
    try {
      expect(await second).toMatchObject({
        code: 3,
        err: expect.stringMatching(/once was started before, at .* counts/),
      });
      expect(jsonLines(out)[0]).toMatchObject({ event: 'started', workflowId: 'once', already: true });
      expect(jsonLines(out).at(-1)).toMatchObject({ event: 'result', state: 'completed', exitCode: 3 });
      // It has ended by now.
      expect(await call('--follow')).toMatchObject({ code: 3, out: expect.stringContaining('was not promoted') });
      expect((await started('once')).input).toEqual({ trigger: 'refuse' });
      expect(await call()).toMatchObject({ code: 2, err: expect.stringContaining('"once" has completed already') });
    } finally {
      await fakes.stop();
    }
  });

  it('follows by default where the command stays by default', async () => {
    const fakes = await startFakes(temporal.address);
    try {
      const promote = () => mediwatch(['promote', '8', '--id', 'twice', '--json'], { env });
      const [first, second] = [await promote(), await promote()];
      expect([first.code, jsonLines(first.out)[0]?.already]).toEqual([3, false]);
      expect([second.code, jsonLines(second.out)[0]?.already]).toEqual([3, true]);
    } finally {
      await fakes.stop();
    }
  });

  it('of another type is refused: nothing of it would be what was asked for', async () => {
    await mediwatch(['retrain', '--id', 'other'], { env });
    const promote = await mediwatch(['promote', '--id', 'other'], { env });
    expect([promote.code, promote.err]).toEqual([2, expect.stringContaining('a retrain "other" runs already')]);
  });

  it('never mixes a dry run with a real one, whichever came first', async () => {
    const fakes = await startFakes(temporal.address);
    try {
      const call = async (...args: string[]) => {
        const { code, out, err } = await mediwatch(['promote', '4', '--json', ...args], { env });
        const { workflowId, already } = jsonLines(out)[0] ?? {};
        return { code, err, workflowId, already };
      };
      const dry = { code: 0, workflowId: 'release-dry-run', already: false };
      expect(await call('--id', 'release', '--dry-run')).toMatchObject(dry);
      expect(await call('--id', 'release')).toMatchObject({ code: 0, workflowId: 'release', already: false });
      expect((await started('release')).input).not.toHaveProperty('dryRun');
      expect(await call('--id', 'release', '--dry-run')).toMatchObject(dry);
      expect((await started('release-dry-run')).input).toMatchObject({ dryRun: true });
      expect(await call('--id', 'release')).toMatchObject({ code: 0, workflowId: 'release', already: true });
      const named = await call('--id', 'release-dry-run');
      expect([named.code, named.err]).toEqual([
        2,
        expect.stringContaining('a dry run "release-dry-run" has completed already. Choose another --id.'),
      ]);
    } finally {
      await fakes.stop();
    }
  });

  it('starts again what had failed', async () => {
    const fakes = await startFakes(temporal.address);
    try {
      const call = (trigger: string) => ['retrain', '--id', 'failed', '--follow', '--json', '--trigger', trigger];
      expect(await mediwatch(call('fail'), { env })).toMatchObject({ code: 1 });
      const { code, out } = await mediwatch(call('finish'), { env });
      expect([code, jsonLines(out)[0]?.already]).toEqual([0, false]);
    } finally {
      await fakes.stop();
    }
  });
});
