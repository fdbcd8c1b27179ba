import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { translated } from '../../src/activities/lib/translate.ts';
import { createMonitoringActivities } from '../../src/activities/monitoring.ts';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import type { DriftReport } from '../../src/contracts/drift.ts';
import { createArtifactStore } from '../../src/systems/artifacts/index.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { createTrainingProcesses, type TrainingProcesses } from '../../src/workers/trainingProcesses.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { quiet } from '../support/workers.ts';

const REPORTS = join(PROJECT_ROOT, 'python', 'tests', 'fixtures', 'drift');

let folder: string;
let config: Config;
let server: MlflowServer;
let mlflow: Mlflow;
let processes: TrainingProcesses;

beforeAll(async () => {
  quiet();
  [folder, server] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-monitoring-')), startMlflow()]);
  await writeFile(join(folder, 'mediwatch.yaml'), 'worker:\n  slots: 1\n');
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

async function openRun(): Promise<string> {
  const experimentId = await mlflow.ensureExperiment('drift');
  return (await mlflow.createRun({ experimentId, name: 'drift-check' })).runId;
}

function makeReport(runId: string, monitoring: object = {}): Promise<DriftReport> {
  const store = createArtifactStore({
    store: join(folder, 'store'),
    mlflowUri: server.uri,
    cacheDir: join(folder, 'cache'),
    timeoutMs: 30_000,
  });
  const { makeDriftReport } = translated(
    createMonitoringActivities({ config, mlflow, store, runner: processes.runner }),
  );
  const request = {
    registeredModel: 'M',
    log: 'predictions.csv',
    reference: 'log' as const,
    minRows: 50,
    ...monitoring,
    runId,
  };
  return new MockActivityEnvironment().run(makeDriftReport, request);
}

/** A log whose newer half is of older patients, or of none that differ. */
async function writeLog(shift: number): Promise<void> {
  const row = (n: number) => `e${n},${1_700_000_000 + n},1,0.2,${40 + (n % 37) + (n < 100 ? 0 : shift)},0.${n % 7},0`;
  const rows = Array.from({ length: 200 }, (_, n) => row(n));
  await writeFile(
    join(folder, 'predictions.csv'),
    `event_id,ts,model_version,threshold,age,prob,pred\n${rows.join('\n')}\n`,
  );
}

const artifactsOf = async (runId: string) =>
  (await mlflow.listArtifacts(runId, 'drift')).map(({ path }) => path.replace('drift/', '')).sort();

describe('the drift report', () => {
  it('lies in its folder and in the MLflow run, with its figures', async () => {
    await writeLog(20);
    const runId = await openRun();
    const report = await makeReport(runId);
    expect(report.document).toMatchObject({ share: 1, datasetDrift: true, driftedColumns: 1, minRows: 50 });
    const outDir = join(folder, 'reports', 'monitoring');
    expect((await readdir(outDir)).sort()).toEqual(['drift.json', 'evidently_report.html', 'evidently_report.json']);
    expect(report.htmlPath).toBe(join(outDir, 'evidently_report.html'));
    expect(await artifactsOf(runId)).toEqual(['drift.json', 'evidently_report.html', 'evidently_report.json']);
    expect(JSON.parse(await mlflow.getArtifactText(runId, 'drift/drift.json'))).toEqual(report.document);
    expect((await mlflow.getRun(runId))?.metrics).toEqual({ drift_share: 1, drifted_columns: 1 });
    expect(report.url).toContain(`/runs/${runId}/artifacts/drift/evidently_report.html`);
  });

  it('has the same key for the same rows', async () => {
    await writeLog(0);
    const [first, second] = [await makeReport(await openRun()), await makeReport(await openRun())];
    expect(first.document).toMatchObject({ datasetDrift: false, key: second.document.key });
  });

  it('of too few rows has no pages', async () => {
    await writeLog(0);
    const runId = await openRun();
    const report = await makeReport(runId, { minRows: 150 });
    expect(report).toMatchObject({ htmlPath: null, jsonPath: null, document: { columns: [], share: null } });
    expect(await artifactsOf(runId)).toEqual(['drift.json']);
  });

  it('of the embedded log before the first prediction has no rows, which is no fault', async () => {
    const report = await makeReport(await openRun(), { log: '' });
    expect(report.document.current).toMatchObject({ rows: 0 });
    expect(report.htmlPath).toBeNull();
  });

  it('cannot be made of a log that is not there, or of a champion that is not there', async () => {
    const typeOf = async (monitoring: object) =>
      await makeReport(await openRun(), monitoring).then(
        () => 'made',
        (error: unknown) => (error instanceof ApplicationFailure ? error.type : error),
      );
    expect(await typeOf({ log: 'nowhere/*.csv' })).toBe('PredictionLogNotFound');
    expect(await typeOf({ reference: 'training' })).toBe('ModelNotFound');
  });

  it('may be of a command that writes what Evidently 0.4 wrote', async () => {
    const script = `
      const { writeFileSync, copyFileSync } = require('node:fs');
      const { outputDir } = JSON.parse(require('node:fs').readFileSync(process.env.MEDIWATCH_INPUT));
      require('node:fs').mkdirSync(outputDir, { recursive: true });
      copyFileSync(${JSON.stringify(join(REPORTS, 'evidently-0.4.40-drift.json'))}, outputDir + '/report.json');
      writeFileSync(process.env.MEDIWATCH_RESULT, JSON.stringify({ result: { report: outputDir + '/report.json' } }));`;
    await writeFile(join(folder, 'monitor.cjs'), script);
    config.steps.monitor.command = [process.execPath, 'monitor.cjs'];
    try {
      const report = await makeReport(await openRun());
      expect(report.document).toMatchObject({ tool: 'evidently 0.4.40', datasetDrift: true, driftedColumns: 4 });
      expect(report.jsonPath).toBe(join(folder, 'reports', 'monitoring', 'evidently_report.json'));
      expect(await readFile(report.jsonPath as string, 'utf8')).toContain('DatasetDriftMetric');
    } finally {
      delete config.steps.monitor.command;
    }
  });
});
