import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { translated } from '../../src/activities/lib/translate.ts';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { createReportActivities, type Report, type ReportRequest } from '../../src/activities/training/report.ts';
import { createTrainingActivities } from '../../src/activities/training.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { TAGS } from '../../src/contracts/names.ts';
import { REPORT_FILES } from '../../src/contracts/report.ts';
import type { Dataset } from '../../src/contracts/training.ts';
import { createArtifactStore } from '../../src/systems/artifacts/index.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { createTrainingProcesses, type TrainingProcesses } from '../../src/workers/trainingProcesses.ts';
import { chromiumProblem, openBrowser } from '../support/browser.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { sampleData } from '../support/sampleData.ts';
import { quiet } from '../support/workers.ts';

const MODEL = 'Reported';

let folder: string;
let config: Config;
let server: MlflowServer;
let mlflow: Mlflow;
let processes: TrainingProcesses;
let dataset: Dataset;

beforeAll(async () => {
  quiet();
  [folder, server] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-report-')), startMlflow()]);
  await writeFile(join(folder, 'mediwatch.yaml'), `registry:\n  registeredModel: ${MODEL}\nworker:\n  slots: 1\n`);
  await mkdir(join(folder, 'store'));
  config = loadConfig({ MEDIWATCH_MLFLOW_URI: server.uri }, folder);
  mlflow = createMlflow(mlflowOptions(config));
  processes = await createTrainingProcesses(config);
}, 180_000);
afterAll(async () => {
  await processes?.close();
  await mlflow?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const call = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
  new MockActivityEnvironment().run(activity as (input: unknown) => Promise<Result>, input);

function systems(of: Config = config) {
  const store = createArtifactStore({
    store: join(folder, 'store'),
    mlflowUri: server.uri,
    cacheDir: join(folder, 'cache'),
    timeoutMs: 30_000,
  });
  const { runner, codeDigest } = processes;
  return { config: of, mlflow, store, runner, codeDigest, client: undefined as never };
}

/** Trains and registers a version, as a retrain does. */
async function makeVersion(key: string, params: Record<string, number>, seed = 1): Promise<string> {
  const training = translated(createTrainingActivities(systems()));
  const registry = translated(createRegistryActivities({ config, mlflow }));
  const data = sampleData(folder);
  dataset = await call(training.prepareDataset, { registeredModel: MODEL, data, seed, force: false });
  const subject = { registeredModel: MODEL };
  const { runId } = await call(registry.openRun, { key, purpose: 'retrain', subject, trigger: null });
  const request = { registeredModel: MODEL, dataset, data, model: 'hgb', params, seed, runId, key, trials: [] };
  const trained = await call(training.trainModel, request);
  const made = {
    registeredModel: MODEL,
    key,
    trained,
    model: 'hgb',
    dataset: dataset.ref,
    seed,
    trigger: null,
    driftReport: null,
  };
  return (await call(registry.registerVersion, made)).version;
}

function request(version: string, values: Partial<ReportRequest> = {}): ReportRequest {
  return {
    registeredModel: MODEL,
    version,
    champion: null,
    dataset,
    model: 'hgb',
    params: null,
    search: {
      trials: [
        { number: 0, params: { max_iter: 20 }, state: 'complete', score: 0.61 },
        { number: 1, params: { max_iter: 30 }, state: 'complete', score: 0.62 },
      ],
      metric: 'validation AUC',
      direction: 'maximize',
      space: null,
    },
    lineage: {
      workflowId: 'retrain-1',
      workflowUrl: 'http://127.0.0.1/retrain-1',
      trigger: 'schedule',
      startedAt: '2026-01-31T02:00:00.000Z',
      data: 'sample.csv',
      seed: 1,
    },
    driftReport: null,
    outcome: null,
    ...values,
  };
}

const write = (input: ReportRequest, of?: Config): Promise<Report> =>
  call(translated(createReportActivities(systems(of))).writeReport, input);

describe('the report on a version', () => {
  let first: string;
  let second: string;
  let runId: string;
  let written: Report;

  beforeAll(async () => {
    first = await makeVersion('first', { max_iter: 20 });
    second = await makeVersion('second', { max_iter: 30 });
    runId = (await mlflow.getVersion(MODEL, second))?.runId as string;
  }, 240_000);

  const page = () => mlflow.getArtifactText(runId, REPORT_FILES.page);

  it('lies in the run that made it, and its address on the version', async () => {
    written = await write(request(second, { champion: first }));
    expect(written.reportUri).toBe(`runs:/${runId}/${REPORT_FILES.page}`);
    expect(await page()).toContain('<html');
    expect((await mlflow.getRun(runId))?.tags[TAGS.purpose]).toBe('retrain');
    expect((await mlflow.getVersion(MODEL, second))?.tags[TAGS.report]).toBe(written.url);
  }, 180_000);

  it('tells the outcome when it is drawn again, from what was computed before', async () => {
    const data = await mlflow.getArtifactText(runId, REPORT_FILES.data);
    const outcome = {
      stage: 'Production',
      promoted: true,
      reason: 'Passed.',
      approvedBy: 'ada',
      deployed: true,
    } as const;
    await write(request(second, { champion: first, outcome }));
    expect(await page()).toContain('ada');
    expect(JSON.parse((await mlflow.getArtifactText(runId, REPORT_FILES.data)) ?? '').key).toBe(
      JSON.parse(data ?? '').key,
    );
  }, 180_000);

  it.runIf(chromiumProblem === null)(
    'is shown by MLflow at that address',
    async () => {
      const browser = await openBrowser('report');
      try {
        const tab = await browser.newPage();
        await tab.page.goto(written.url);
        const frame = tab.page.frameLocator('iframe').first();
        await frame.getByRole('heading', { level: 1 }).first().waitFor({ timeout: 60_000 });
        expect(await frame.locator('body').textContent()).toContain(MODEL);
        await tab.screenshot('in-mlflow');
      } finally {
        await browser.close();
      }
    },
    120_000,
  );

  it('of a project whose models nothing here can score is made of recorded metrics', async () => {
    const commands = structuredClone(config);
    commands.steps.train.command = ['true'];
    commands.steps.prepare.command = ['true'];
    await write(request(second, { champion: first }), commands);
    expect(await page()).toContain('<html');
  }, 120_000);

  it('against a champion that has been deleted is written without one', async () => {
    await write(request(second, { champion: '99' }));
    expect(await page()).toContain('<html');
  }, 180_000);

  it('does not score a champion on rows that it learned from, nor does the gate', async () => {
    const other = await makeVersion('other', { max_iter: 20 }, 2);
    const split = 'seed 1, test 0.15, by patient_nbr; here: seed 2';
    const training = translated(createTrainingActivities(systems()));
    const contest = { registeredModel: MODEL, dataset: dataset.ref, challenger: other, champion: first, rules: [] };
    expect(await call(training.compareVersions, contest)).toMatchObject({
      challenger: { test_auc: expect.any(Number) },
      champion: null,
      championProblem: expect.stringContaining(split),
    });
    await write(request(other, { champion: first }));
    const run = (await mlflow.getVersion(MODEL, other))?.runId as string;
    expect(await mlflow.getArtifactText(run, REPORT_FILES.page)).toContain(split);
  });

  it('can be a page that a command of the project writes', async () => {
    const command = structuredClone(config);
    command.steps.report.command = [
      'sh',
      '-c',
      'echo "<html>version $1</html>" > "$2/page.html"',
      'sh',
      '{version}',
      '{output}',
    ];
    const { url } = await write(request(first), command);
    const made = (await mlflow.getVersion(MODEL, first)) ?? { runId: '', tags: {} };
    expect(await mlflow.getArtifactText(made.runId, REPORT_FILES.page)).toBe(`<html>version ${first}</html>\n`);
    expect(made.tags).toMatchObject({ [TAGS.report]: url });
  }, 60_000);

  it('is refused for a version that is not there', async () => {
    await expect(write(request('99'))).rejects.toMatchObject({ type: 'ModelNotFound' });
  });
});
