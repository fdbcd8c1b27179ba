import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { InvalidArgumentError } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { pastTime } from '../../src/cli/flags.ts';
import { becameText, retrainLines } from '../../src/cli/history/retrains.ts';
import { verdict } from '../../src/cli/history/verdict.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { FAILURES } from '../../src/contracts/errors.ts';
import { SEARCH_ATTRIBUTES } from '../../src/contracts/savedQueries.ts';
import type { GateVerdict } from '../../src/contracts/verdicts.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { ensureSearchAttributes } from '../../src/systems/temporal.ts';
import { verdictText } from '../../src/words/verdicts.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { quiet } from '../support/workers.ts';
import { mediwatch, NOWHERE, startFakes } from './support.ts';

const MODEL = 'MediWatchReadmit';
const DAY_MS = 86_400_000;
let server: MlflowServer;
let temporal: TestTemporal;
let fakes: Awaited<ReturnType<typeof startFakes>>;
let client: Client;
let mlflow: Mlflow;
let experimentId: string;
let env: Record<string, string>;

beforeAll(async () => {
  quiet();
  [server, temporal] = await Promise.all([startMlflow(), startTemporal()]);
  const native = await NativeConnection.connect({ address: temporal.address });
  await ensureSearchAttributes(native, 'default');
  await native.close();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  fakes = await startFakes(temporal.address);
  env = { MLFLOW_TRACKING_URI: server.uri, TEMPORAL_ADDRESS: temporal.address };
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
  await mlflow.ensureRegisteredModel(MODEL);
  experimentId = await mlflow.ensureExperiment('mediwatch');
}, 150_000);
afterAll(async () => {
  await mlflow.close();
  await Promise.all([fakes.stop().then(() => temporal.stop()), client.connection.close(), server.stop()]);
});

interface Written {
  daysAgo: number;
  seconds?: number;
  status?: 'FINISHED' | 'FAILED' | 'KILLED';
  model?: string;
  trigger?: string;
  registeredModel?: string;
  /** Tags that it leaves at its end. */
  ending?: Record<string, string>;
  /** Of the version that it registers. */
  version?: { auc: number; tags?: Record<string, string>; ownRun?: boolean };
}

/** A retrain as the workflows leave it in MLflow; without a status, one that has not ended. */
async function retrain(workflowId: string, written: Written): Promise<string> {
  const { daysAgo, seconds = 245, status, model = 'hgb', trigger, registeredModel = MODEL, version } = written;
  const startTime = Date.now() - daysAgo * DAY_MS;
  const tags = {
    'mediwatch.key': `${workflowId}/run/retrain`,
    'mediwatch.workflow_id': workflowId,
    ...(model && { 'mediwatch.model': model }),
    'mediwatch.registeredModel': registeredModel,
    ...(trigger && { 'mediwatch.trigger': trigger }),
  };
  const { runId } = await mlflow.createRun({ experimentId, name: workflowId, startTime, tags });
  if (version) {
    // A script trains in a run of its own.
    const home = version.ownRun ? await mlflow.createRun({ experimentId, name: 'script', startTime }) : { runId };
    await mlflow.logBatch(home.runId, { metrics: { test_auc: version.auc } });
    const own = {
      'mediwatch.workflow_id': `${workflowId}/trainBestAndRegister`,
      test_auc: String(version.auc),
      ...version.tags,
    };
    const source = `runs:/${home.runId}/model`;
    await mlflow.createVersion({ name: registeredModel, source, runId: home.runId, tags: own });
  }
  if (!status) return runId;
  const { closeRun } = createRegistryActivities({ config: loadConfig(env, PROJECT_ROOT), mlflow });
  await closeRun({ runId, status, tags: written.ending ?? {} });
  await mlflow.updateRun(runId, { status, endTime: startTime + seconds * 1000 });
  return runId;
}

const gate = (code: 'passed' | 'refused', challenger: number, champion: string, championAuc: number): GateVerdict => ({
  ...{ code, champion, recorded: false },
  rules: [{ metric: 'test_auc', holds: code === 'passed', challenger, champion: championAuc, maxLoss: 0.005 }],
});
const PASSED = gate('passed', 0.6843, '1', 0.68);
const REFUSED = gate('refused', 0.61, '2', 0.6843);
const promoted = { 'mediwatch.promoted': 'Production', 'mediwatch.verdict': JSON.stringify(PASSED) };

async function json(args: string[], world: { env?: Record<string, string> } = { env }) {
  const { code, out } = await mediwatch(['history', ...args, '--json'], world);
  expect(code).toBe(0);
  return JSON.parse(out);
}

describe('history', () => {
  it('before any retrain says that there is none', async () => {
    const { code, out } = await mediwatch(['history'], { env });
    expect([code, out]).toEqual([0, `No such retrain of ${MODEL} is known to MLflow.\n`]);
  });

  it('tells of each retrain what started it, what it made, and what came of it, newest first', async () => {
    await retrain('r-promoted', { daysAgo: 20, status: 'FINISHED', ending: promoted, version: { auc: 0.6843 } });
    await retrain('r-rolled-back', {
      ...{ daysAgo: 19, status: 'FINISHED', ending: promoted, trigger: 'drift alert' },
      version: { auc: 0.69, tags: { 'mediwatch.rolled_back': 'complaints from ward 7' } },
    });
    await retrain('r-refused', {
      ...{ daysAgo: 18, status: 'FINISHED', trigger: 'schedule', model: 'rf' },
      ...{
        ending: { 'mediwatch.promoted': 'None', 'mediwatch.verdict': JSON.stringify(REFUSED) },
        version: { auc: 0.61 },
      },
    });
    await retrain('r-registered', {
      // What a command trained is known of its version.
      ...{ daysAgo: 17, status: 'FINISHED', model: '', ending: { 'mediwatch.promoted': 'None' } },
      version: { auc: 0.65, ownRun: true, tags: { 'mediwatch.model': 'LGBMClassifier' } },
    });
    await retrain('r-failed', {
      ...{ daysAgo: 16, status: 'FAILED', seconds: 62 },
      ending: {
        'mediwatch.failure_type': 'TooManyTrialsFailed',
        'mediwatch.failure': `All 3 trials failed. ${FAILURES.TooManyTrialsFailed.next}`,
      },
    });
    await retrain('r-rejected', {
      ...{ daysAgo: 15, status: 'FAILED', version: { auc: 0.66 } },
      ending: {
        'mediwatch.failure_type': 'ApprovalRejected',
        'mediwatch.failure': `grace rejected version 5: too little data. ${FAILURES.ApprovalRejected.next}`,
      },
    });
    await retrain('r-cancelled', { daysAgo: 14, status: 'KILLED' });
    await retrain('of-another-model', { daysAgo: 13, status: 'FINISHED', registeredModel: 'Another' });
    await mlflow.createRun({ experimentId, name: 'search', tags: { 'mediwatch.key': 's/run/search' } });

    const { registeredModel, retrains, more } = await json([]);
    expect([registeredModel, more]).toEqual([MODEL, false]);
    const told = retrains.map((one: { verdict: { kind: string; stage: string }; rolledBack: string } & Written) => {
      const { workflowId, trigger, model, version, testAuc, seconds, verdict, rolledBack } = one as never;
      return [workflowId, trigger, model, version, testAuc, seconds, (verdict as { kind: string }).kind, rolledBack];
    });
    expect(told).toEqual([
      ['r-cancelled', 'manual', 'hgb', null, null, 245, 'cancelled', null],
      ['r-rejected', 'manual', 'hgb', '5', 0.66, 245, 'notPromoted', null],
      ['r-failed', 'manual', 'hgb', null, null, 62, 'failed', null],
      ['r-registered', 'manual', 'LGBMClassifier', '4', 0.65, 245, 'registered', null],
      ['r-refused', 'schedule', 'rf', '3', 0.61, 245, 'notPromoted', null],
      ['r-rolled-back', 'drift alert', 'hgb', '2', 0.69, 245, 'promoted', 'complaints from ward 7'],
      ['r-promoted', 'manual', 'hgb', '1', 0.6843, 245, 'promoted', null],
    ]);
    expect(retrains.at(-1).verdict).toEqual({
      ...{ kind: 'promoted', stage: 'Production', reason: verdictText(PASSED) },
      ...{ gate: { ...PASSED, forced: false }, failureType: null },
    });
    expect(retrains[2].verdict).toMatchObject({ kind: 'failed', failureType: 'TooManyTrialsFailed', gate: null });
    expect(retrains.at(-1).links).toMatchObject({
      workflow: expect.stringContaining('/workflows/r-promoted'),
      run: expect.stringMatching(`${server.uri}/#/experiments/${experimentId}/runs/${retrains.at(-1).runId}$`),
      report: expect.stringMatching('/artifacts/report/report.html$'),
      version: `${server.uri}/#/models/${MODEL}/versions/1`,
    });
  });

  it('reads as a table, and its reasons are short', async () => {
    const { out } = await mediwatch(['history'], { env });
    const lines = out.split('\n');
    expect(lines[2]).toMatch(/^started \(UTC\) +workflow +model +trigger +version +test AUC +took +what came of it$/);
    const line = (id: string) => lines.find((each) => each.includes(id));
    expect(line('r-promoted')).toMatch(/ hgb +manual +1 +0\.6843 +4:05 {2}promoted to Production$/);
    expect(line('r-rolled-back')).toMatch(/promoted to Production, rolled back later: complaints from ward 7$/);
    expect(line('r-refused')).toMatch(
      /not promoted: test AUC 0\.6100 against 0\.6843 of version 2, allowed loss 0\.005$/,
    );
    expect(line('r-failed')).toMatch(/– +– +1:02 {2}failed: All 3 trials failed\.$/);
    expect(line('r-rejected')).toMatch(/not promoted: grace rejected version 5: too little data\.$/);
  });

  it.each([
    [['--trigger', 'DRIFT'], ['r-rolled-back']],
    [['--trigger', 'manual', '--since', '15d'], ['r-cancelled']],
    [['--model', 'rf'], ['r-refused']],
    [['--model', 'lgbmclassifier', '--limit', '3'], ['r-registered']],
    [['--failed'], ['r-failed']],
    [['--since', '2w'], []],
    [
      ['--limit', '2'],
      ['r-cancelled', 'r-rejected'],
    ],
  ])('with %j shows only those', async (flags, ids) => {
    const { retrains } = await json(flags);
    expect(retrains.map(({ workflowId }: { workflowId: string }) => workflowId)).toEqual(ids);
  });

  it('tells where those stand that run, and how those ended that could not say so', async () => {
    for (const id of ['r-runs', 'r-waits', 'r-terminated', 'r-forgotten']) await retrain(id, { daysAgo: 0.01 });
    const start = { taskQueue: 'mediwatch', args: [{ trigger: 'wait' }] };
    await client.workflow.start('retrain', { ...start, workflowId: 'r-runs' });
    await client.workflow.start('retrain', {
      ...{ ...start, workflowId: 'r-waits' },
      typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.waiting, value: 'approval' }],
    });
    const terminated = await client.workflow.start('retrain', { ...start, workflowId: 'r-terminated' });
    await terminated.terminate('by mistake');

    await expect
      .poll(async () => {
        const { retrains } = await json(['--since', '1d']);
        return Object.fromEntries(
          retrains.map(({ workflowId, verdict: { kind, reason } }: never) => [workflowId, [kind, reason]]),
        );
      })
      .toEqual({
        'r-runs': ['running', 'Search hyperparameters'],
        'r-waits': ['waiting', 'approval'],
        'r-terminated': ['lost', 'terminated'],
        'r-forgotten': ['lost', 'Temporal has forgotten it'],
      });
    const { out } = await mediwatch(['history', '--failed', '--limit', '2'], { env });
    expect(out).toContain('ended without a word: terminated');
    expect(out).not.toContain('r-runs');
  });

  it('needs no Temporal, and says so when it matters', async () => {
    const away = { ...env, TEMPORAL_ADDRESS: NOWHERE };
    const { code, out } = await mediwatch(['history', '--since', '1d'], { env: away });
    expect(code).toBe(0);
    expect(out).toMatch(/r-terminated .* running$/m);
    expect(out).toContain('Temporal does not answer: what runs is shown as MLflow has it.');
    expect((await json(['--since', '2w'], { env: away })).live).toBe(false);
  });

  it('refuses what it does not understand, and says that MLflow does not answer', async () => {
    const wrong = await mediwatch(['history', '--since', 'yesterday'], { env });
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('such as 7d')]);
    expect((await mediwatch(['history', '--failed', '--production'], { env })).code).toBe(2);
    expect((await mediwatch(['history', '--limit', '0'], { env })).code).toBe(2);
    const away = await mediwatch(['history'], { env: { ...env, MLFLOW_TRACKING_URI: 'http://127.0.0.1:1' } });
    expect([away.code, away.err]).toEqual([4, expect.stringContaining('nothing listens there')]);
  });
});

describe('hundreds of retrains', () => {
  it('are all found, each once, in order', async () => {
    const tags = (n: number) => ({
      ...{ 'mediwatch.key': `many-${n}/run/retrain`, 'mediwatch.workflow_id': `many-${n}` },
      ...{ 'mediwatch.registeredModel': 'Many', 'mediwatch.trigger': n % 10 === 0 ? 'drift alert' : 'schedule' },
    });
    const numbers = Array.from({ length: 450 }, (_, n) => n);
    // Several at once: one after the other takes a minute.
    await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (lane) => {
        for (const n of numbers.filter((number) => number % 6 === lane)) {
          await mlflow.createRun({ experimentId, name: `many-${n}`, startTime: 1_700_000_000_000 + n, tags: tags(n) });
        }
      }),
    );
    const ids = async (...flags: string[]) => {
      const { retrains, more } = await json(['--registered-model', 'Many', ...flags], {
        env: { ...env, TEMPORAL_ADDRESS: NOWHERE },
      });
      return { ids: retrains.map(({ workflowId }: { workflowId: string }) => workflowId), more };
    };
    const newestFirst = numbers.toReversed();
    expect(await ids('--limit', '1000')).toEqual({ ids: newestFirst.map((n) => `many-${n}`), more: false });
    expect(await ids('--limit', '300')).toEqual({
      ids: newestFirst.slice(0, 300).map((n) => `many-${n}`),
      more: true,
    });
    const drifted = newestFirst.filter((n) => n % 10 === 0).map((n) => `many-${n}`);
    expect(await ids('--trigger', 'drift', '--limit', '45')).toEqual({ ids: drifted, more: false });
    expect(await ids('--trigger', 'drift', '--limit', '44')).toEqual({ ids: drifted.slice(0, 44), more: true });
    // Pages shorter than what is asked for, as a server may choose them.
    const seen: string[] = [];
    const filter = "tags.`mediwatch.registeredModel` = 'Many'";
    for await (const page of mlflow.pagesOfRuns(experimentId, filter, { pageSize: 70 })) {
      expect(page.length).toBeLessThanOrEqual(70);
      seen.push(...page.map(({ runId }) => runId));
    }
    expect([seen.length, new Set(seen).size]).toEqual([450, 450]);
    expect(await mlflow.searchRuns(experimentId, filter, { maxResults: 123 })).toHaveLength(123);
  }, 180_000);
});

describe('the lines', () => {
  const one = {
    ...{ workflowId: 'retrain-2026-11-24T02-00-00-000Z', startedAt: '2026-11-24T02:00:00.000Z', endedAt: null },
    ...{ seconds: 245, model: 'hgb', trigger: 'drift\nalert', version: '3', testAuc: 0.6843, rolledBack: null },
    score: { metric: 'test_auc', value: 0.6843 },
    ...{ runId: 'r', revision: null, links: { workflow: '', run: '', version: null, report: null } },
    verdict: { ...verdict('notPromoted'), gate: REFUSED },
  };
  const style = (_format: unknown, text: string) => text;

  it.each([40, 60, 80, 100, 120, 200])('fit a terminal of %d columns', (width) => {
    const retrains = { registeredModel: MODEL, retrains: [one], more: true, live: true };
    const lines = retrainLines(retrains, { width, style, now: 0 });
    for (const line of lines.slice(1)) expect(line.length).toBeLessThanOrEqual(Math.max(width, 60));
    expect(lines.join(' ')).toContain('0.6843');
    expect(lines.join('\n')).toContain('drift alert');
  });

  it('leave out the advice of a failure', () => {
    const failed = verdict('failed', `The step ended with 3. ${FAILURES.StepFailed.next}`);
    expect(becameText({ ...failed, failureType: 'StepFailed' }, null)).toBe('failed: The step ended with 3.');
    expect(becameText(verdict('failed', ''), null)).toBe('failed');
  });
});

describe('since', () => {
  const now = Date.UTC(2026, 10, 24);
  it.each([
    ['90m', now - 90 * 60_000],
    ['12h', now - DAY_MS / 2],
    ['7d', now - 7 * DAY_MS],
    ['2w', now - 14 * DAY_MS],
    ['2026-11-01T00:00Z', Date.UTC(2026, 10, 1)],
  ])('%s', (text, time) => expect(pastTime(text, now)).toBe(time));
  it.each(['7', 'd', '-1d'])('is not %s', (text) => expect(() => pastTime(text, now)).toThrow(InvalidArgumentError));
});
