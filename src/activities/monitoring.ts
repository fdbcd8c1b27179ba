import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { asksFor } from '../config/placeholders.ts';
import { type Config, forModel, fromRoot } from '../config.ts';
import type { DriftDocument, DriftReport } from '../contracts/drift.ts';
import { MonitorResult } from '../contracts/steps.ts';
import type { ArtifactStore } from '../systems/artifacts/index.ts';
import { readDriftReport, uncompared } from '../systems/driftDocument.ts';
import { placeFile } from '../systems/files.ts';
import type { Mlflow } from '../systems/mlflow/index.ts';
import { embeddedLogs, monitorInput } from '../systems/monitorInput.ts';
import { collectReport, type Ran, readStepAnswer, type StepRunner } from '../systems/steps/index.ts';
import { inputPath } from './lib/inputPath.ts';
import { runStepActivity } from './lib/step.ts';
import { championDataset } from './training/systems.ts';

interface DriftReportRequest {
  registeredModel: string;
  /** Prediction log; empty: that of the embedded gateway. */
  log: string;
  reference: 'log' | 'training';
  minRows: number;
  runId: string;
}

interface MonitoringSystems {
  config: Config;
  mlflow: Mlflow;
  store: ArtifactStore;
  runner: StepRunner;
}

interface Files {
  document: DriftDocument;
  html: string | null;
  json: string | null;
}

/** The drift report: made by a step, kept where people look for it, and in MLflow. */
export function createMonitoringActivities({ config: shared, mlflow, store, runner }: MonitoringSystems) {
  return {
    /** Makes the drift report of a model's prediction log, in place of the latest one, and adds it to an MLflow run. */
    makeDriftReport: (request: DriftReportRequest): Promise<DriftReport> => {
      const { registeredModel, log, minRows, reference, runId } = request;
      const config = forModel(shared, registeredModel);
      return runStepActivity(config, 'monitor', async ({ workDir, run, beat }) => {
        const datasetDir =
          reference === 'training'
            ? await store.fetchDirectory(await championDataset(mlflow, registeredModel), { signal: beat.signal })
            : undefined;
        const input = monitorInput(config, {
          log: log ? await inputPath(config, 'log', log) : ofCommand(config),
          minRows,
          reference,
          ...(datasetDir !== undefined && { datasetDir }),
          outputDir: join(workDir, 'report'),
        });
        let commandFailure: Error | undefined;
        const options = {
          openRun: async () => ({ runId }),
          judgesFailures: true,
          collect: (ran: Ran) => {
            commandFailure = ran.failure;
            return collectReport(ran, { log: input.log, minRows, workDir });
          },
        };
        const fromStep = async () => {
          const made = readStepAnswer('monitor', MonitorResult, await run(runner, input, options));
          return await filesOf(config, made, beat.signal);
        };
        const isYetToCome = log === '' && readsOurLog(config) && (await holdsNothing(embeddedLogs(config)));
        const made = isYetToCome
          ? { document: withoutRows(minRows), html: null, json: null }
          : await fromStep().catch((error: unknown) => {
              // Half a report, say: why the command failed explains it.
              throw commandFailure ?? error;
            });
        const latest = await publish(made, fromRoot(config, config.monitoring.outDir));
        const url = await logToRun(mlflow, runId, latest);
        return { document: latest.document, htmlPath: latest.html, jsonPath: latest.json, url };
      });
    },
  };
}

/** A script takes a file, where the bundled step takes a folder of them; empty: it is the bundled step. */
function ofCommand(config: Config): string {
  return config.steps.monitor.command ? join(embeddedLogs(config), 'predictions.csv') : '';
}

/** A command that does not ask for our log has one of its own. */
function readsOurLog({ steps: { monitor } }: Config): boolean {
  return !monitor.command || asksFor([...monitor.command, ...Object.values(monitor.env)], 'log');
}

async function holdsNothing(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return !names.some((name) => /\.(csv|parquet)\b/.test(name));
}

/** The embedded API makes its log with the first prediction: until then there are no rows, which is no fault. */
function withoutRows(minRows: number): DriftDocument {
  const told = { key: 'no-rows', createdAt: new Date().toISOString(), tool: 'mediwatch', minRows };
  return uncompared(told, { source: 'no prediction yet', rows: 0, from: null, to: null });
}

async function filesOf(config: Config, made: MonitorResult, signal: AbortSignal): Promise<Files> {
  const { cwd } = config.steps.monitor;
  const path = (given: string | null | undefined) =>
    given ? resolve(cwd ? fromRoot(config, cwd) : config.root, given) : null;
  const html = path(made.html);
  if ('document' in made) return { document: made.document, html, json: path(made.json) };
  const json = path(made.report) as string;
  return { document: await readDriftReport(config, { file: json }, signal), html, json };
}

/** Puts the files in place of the latest ones, each at once, so that a reader never sees half of one. */
async function publish({ document, html, json }: Files, folder: string): Promise<Files> {
  const copied = async (from: string | null, name: string): Promise<string | null> => {
    if (from === null) return null;
    await placeFile(join(folder, name), await readFile(from));
    return join(folder, name);
  };
  const latest = {
    html: await copied(html, 'evidently_report.html'),
    json: await copied(json, 'evidently_report.json'),
  };
  await placeFile(join(folder, 'drift.json'), JSON.stringify(document));
  return { document, ...latest };
}

/** Adds report and figures to the run, and returns the page that shows them. */
async function logToRun(mlflow: Mlflow, runId: string, { document, html, json }: Files): Promise<string | null> {
  const figures = { drift_share: document.share, drifted_columns: document.driftedColumns };
  const known = Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== null);
  await mlflow.logBatch(runId, { metrics: Object.fromEntries(known) });
  for (const file of [html, json]) {
    if (file) await mlflow.logArtifact(runId, `drift/${basename(file)}`, await readFile(file));
  }
  await mlflow.logArtifact(runId, 'drift/drift.json', JSON.stringify(document));
  const run = await mlflow.getRun(runId);
  if (!run) return null;
  const shown = html ? 'evidently_report.html' : 'drift.json';
  return `${mlflow.links.runUrl(run.experimentId, runId)}/artifacts/drift/${shown}`;
}
