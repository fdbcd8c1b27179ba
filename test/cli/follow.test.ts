import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet } from '../support/workers.ts';
import { startProxy } from './proxy.ts';
import { jsonLines, mediwatch, resetRunning, spawnMediwatch, startFakes } from './support.ts';

let temporal: Awaited<ReturnType<typeof startTemporal>>;
let fakes: Awaited<ReturnType<typeof startFakes>>;
let client: Client;
let env: Record<string, string>;

beforeAll(async () => {
  quiet();
  temporal = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  env = { TEMPORAL_ADDRESS: temporal.address };
  fakes = await startFakes(temporal.address);
});
afterAll(async () => {
  await fakes.stop();
  await client.connection.close();
  await temporal.stop();
});

describe('a followed retrain', () => {
  it('shows its stages as lines, and what came of it', async () => {
    const { code, out, err } = await mediwatch(['retrain', '--follow'], { env });
    expect([code, err]).toEqual([0, '']);
    for (const part of [
      /^\d\d:\d\d:\d\d {2}Prepare data done after .* s: 101,766 rows$/m,
      /^\d\d:\d\d:\d\d {2}best 0\.6812 \(trial 4\): learning_rate 0\.0412, max_depth 6$/m,
      /^\d\d:\d\d:\d\d {2}trials 20\/20 \(1 failed\)$/m,
      /MediWatchReadmit version 4, test AUC 0\.6843\./,
      /Version 4 is in Production\. Passed/,
      /answers at http:\/\/127\.0\.0\.1:8000 in place of version 3/,
      /^Took \d+\.\d s\.$/m,
      /Temporal UI +http:.*\/workflows\/retrain-/,
      /API +http:\/\/127\.0\.0\.1:8000/,
    ]) {
      expect(out).toMatch(part);
    }
    expect(out).not.toContain('\u001b[');
  });

  it('that the gate refused ends with 3, and says why', async () => {
    const { code, out } = await mediwatch(['retrain', '--follow', '--trigger', 'refuse'], { env });
    expect(code).toBe(3);
    expect(out).toContain('was not promoted. Refused: test AUC');
  });

  it('that failed ends with 1, and shows the stage and the message once, on stderr', async () => {
    const { code, err } = await mediwatch(['retrain', '--follow', '--trigger', 'fail'], { env });
    expect(code).toBe(1);
    expect(err).toContain('retrain failed in "Search hyperparameters"');
    expect(err.match(/All 3 trials failed\. Read the errors of the trials/g)).toHaveLength(1);
    expect(err).not.toMatch(/Child Workflow|ActivityFailure|at .*\.ts:/);
    expect(err).toMatch(/Temporal UI +http/);
  });

  it('with --json prints nothing but JSON on stdout, the result last', async () => {
    const { code, out, err } = await mediwatch(['retrain', '--json', '--follow', '--trigger', 'fail'], { env });
    expect(code).toBe(1);
    const events = jsonLines(out);
    expect(events[0]).toMatchObject({ event: 'started' });
    expect(events.some(({ event }) => event === 'progress')).toBe(true);
    expect(events.at(-1)).toMatchObject({
      event: 'result',
      state: 'failed',
      exitCode: 1,
      failure: { type: 'TooManyTrialsFailed', stage: 'Search hyperparameters' },
    });
    expect(err).toContain('All 3 trials failed.');
  });

  it('is followed over continue-as-new', async () => {
    const { code, out } = await mediwatch(['retrain', '--follow', '--trigger', 'continue'], { env });
    expect(code).toBe(0);
    expect(out).toContain('MediWatchReadmit version 4');
  });
});

describe('the other commands', () => {
  it.each([
    [['prepare', '--follow'], 0, '101,766 rows in 71,518 groups, 44 features'],
    [['search', '--follow'], 0, 'Best of 3 trials: validation AUC 0.6800, trial 2, with max_depth 6.'],
    [['train', '--follow'], 0, 'version 4, test AUC 0.6843'],
    [['promote', '4'], 0, 'Version 4 is in Production.'],
    [['promote', '8'], 3, 'Version 4 was not promoted.'],
    [['promote', '9'], 3, 'Version 9 was rolled back before. Nothing was changed.'],
    [['rollback'], 0, 'version 3 is in Production in place of version 4'],
    [['redeploy'], 0, 'Version 4 answers at'],
  ])('%j ends with %i', async (args, expected, text) => {
    const { code, out, err } = await mediwatch(args, { env });
    expect([code, out + err]).toEqual([expected, expect.stringContaining(text)]);
  });
});

describe('follow ID', () => {
  it('shows one that has ended, even when its worker is gone', async () => {
    await mediwatch(['retrain', '--id', 'ended', '--follow'], { env });
    await fakes.stop();
    try {
      const { code, out } = await mediwatch(['follow', 'ended'], { env });
      expect(code).toBe(0);
      expect(out).toContain('MediWatchReadmit version 4, test AUC 0.6843.');
    } finally {
      fakes = await startFakes(temporal.address);
    }
  });

  it('outlives a worker that is away for a while', async () => {
    let out = '';
    const args = ['retrain', '--id', 'away', '--follow', '--trigger', 'wait'];
    const following = mediwatch(args, { env, onOut: (text) => (out += text) });
    await until(() => out.includes('Search hyperparameters started'), { timeoutMs: 20_000, what: 'the search' });
    await fakes.stop();
    await until(() => out.includes('The worker does not answer; waiting.'), { timeoutMs: 20_000, what: 'the notice' });
    fakes = await startFakes(temporal.address);
    await client.workflow.getHandle('away').signal('finish');
    expect(await following).toMatchObject({ code: 0 });
  });

  it('outlives a Temporal server that is away for a while', async () => {
    const [host = '', port = ''] = temporal.address.split(':');
    const server = await startProxy({ host, port: Number(port) });
    let out = '';
    const following = mediwatch(['retrain', '--id', 'cut-off', '--follow', '--trigger', 'wait'], {
      env: { TEMPORAL_ADDRESS: server.address },
      onOut: (text) => (out += text),
    });
    await until(() => out.includes('Search hyperparameters started'), { timeoutMs: 20_000, what: 'the search' });
    server.cut();
    await until(() => out.includes('Temporal does not answer; waiting.'), { timeoutMs: 20_000, what: 'the notice' });
    server.mend();
    await client.workflow.getHandle('cut-off').signal('finish');
    expect(await following).toMatchObject({ code: 0 });
    await server.stop();
  });

  it('of one that was terminated ends with 1 and says so', async () => {
    await mediwatch(['retrain', '--id', 'ended-by-force', '--trigger', 'wait'], { env });
    await client.workflow.getHandle('ended-by-force').terminate('wrong data');
    const { code, err } = await mediwatch(['follow', 'ended-by-force'], { env });
    expect(code).toBe(1);
    expect(err).toContain('terminated, without a clean-up: wrong data');
  });

  it.each([[['--json']], [[]]])('goes on with the new run of one that is reset, and says so: %j', async (flags) => {
    const id = `reset-${flags.length}`;
    let out = '';
    const args = ['retrain', '--id', id, '--follow', '--trigger', 'wait', ...flags];
    const following = mediwatch(args, { env, onOut: (text) => (out += text) });
    const searches = /Search hyperparameters started|"hyperparameterSearch","state":"running"/;
    await until(() => searches.test(out), { timeoutMs: 20_000, what: 'the search' });
    await resetRunning(client, id);
    const told = 'It was reset; following its new run.';
    await until(() => out.includes(told), { timeoutMs: 20_000, what: 'the notice' });
    const runId = await resetRunning(client, id);
    await client.workflow.getHandle(id).signal('finish');
    expect(await following).toMatchObject({ code: 0, err: flags.length ? expect.anything() : '' });
    if (!flags.length) return;
    const events = jsonLines(out);
    expect(events).toContainEqual(expect.objectContaining({ event: 'notice', notices: [told] }));
    expect(events.at(-1)).toMatchObject({ event: 'result', state: 'completed', exitCode: 0, runId });
  });

  it('ends its process, and Ctrl-C ends only that', async () => {
    await mediwatch(['retrain', '--id', 'goes-on', '--trigger', 'wait'], { env });
    const following = spawnMediwatch(['follow', 'goes-on'], env);
    let out = '';
    following.stdout.on('data', (chunk) => (out += chunk));
    await until(() => out.includes('Search hyperparameters started'), { timeoutMs: 20_000, what: 'the search' });
    following.kill('SIGINT');
    expect(await following).toMatchObject({
      exitCode: 130,
      stdout: expect.stringContaining('mediwatch cancel goes-on'),
    });
    expect((await client.workflow.getHandle('goes-on').describe()).status.name).toBe('RUNNING');
  });
});

describe('cancel ID', () => {
  it('with --wait stays until the clean-up is finished, and whoever follows sees it end with 130', async () => {
    await mediwatch(['retrain', '--id', 'stopped', '--trigger', 'wait'], { env });
    const following = mediwatch(['follow', 'stopped'], { env });
    const { code, out } = await mediwatch(['cancel', 'stopped', '--wait'], { env });
    expect(code).toBe(0);
    expect(out).toContain('retrain was cancelled');
    expect((await client.workflow.getHandle('stopped').describe()).status.name).toBe('CANCELLED');
    expect(await following).toMatchObject({ code: 130 });
  });

  it('without it asks and returns', async () => {
    await mediwatch(['retrain', '--id', 'asked', '--trigger', 'wait'], { env });
    const { code, out } = await mediwatch(['cancel', 'asked', '--json'], { env });
    expect([code, JSON.parse(out)]).toEqual([0, { event: 'cancelRequested', workflowId: 'asked' }]);
  });

  it('of one that has ended says so', async () => {
    await mediwatch(['retrain', '--id', 'done', '--follow'], { env });
    const { code, out } = await mediwatch(['cancel', 'done', '--wait'], { env });
    expect([code, out]).toEqual([0, expect.stringContaining('has ended already (completed)')]);
  });
});
