import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { type Config, fromRoot } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import { TAGS } from '../../contracts/names.ts';
import {
  REPORT_FILES,
  type ReportInput,
  type ReportOutcome,
  reportUrl,
  WrittenReport,
} from '../../contracts/report.ts';
import type { Dataset, Params } from '../../contracts/training.ts';
import type { ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { type Ran, stepFailed } from '../../systems/steps/index.ts';
import { runStepActivity } from '../lib/step.ts';
import { canScore, recordedMetrics } from './compare.ts';
import { readParams } from './scriptTrials.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';

export interface ReportRequest {
  registeredModel: string;
  version: string;
  /** Version in Production before this one; null: none. */
  champion: string | null;
  dataset: Dataset;
  model: string;
  params: Params | null;
  search: ReportInput['search'];
  lineage: Pick<ReportInput['lineage'], 'workflowId' | 'workflowUrl' | 'trigger' | 'startedAt' | 'data' | 'seed'>;
  driftReport: string | null;
  outcome: ReportOutcome | null;
}

export interface Report {
  /** Such as `runs:/…/report/report.html`. */
  reportUri: string;
  /** The page in MLflow's UI. */
  url: string;
  summary: string;
}

export function createReportActivities({ config: shared, mlflow, store, runner }: TrainingSystems) {
  const versionOf = async (registeredModel: string, version: string, signal: AbortSignal) => {
    const found = await mlflow.getVersion(registeredModel, version, { signal });
    const run = found?.runId ? await mlflow.getRun(found.runId, { signal }) : undefined;
    return found && { found, run };
  };

  /** What is known of a champion; null when it has been deleted meanwhile. */
  const championOf = async (config: Config, request: ReportRequest, signal: AbortSignal) => {
    const { registeredModel, champion } = request;
    const known = champion === null ? undefined : await versionOf(registeredModel, champion, signal);
    return known ? reported(config, known) : null;
  };

  return {
    /**
     * Writes the page about a version to the MLflow run that made it, and its address on the version. Called again with
     * an outcome it draws the page anew from what it had computed.
     */
    writeReport: (request: ReportRequest): Promise<Report> => {
      const config = settingsOf(shared, request.registeredModel);
      return runStepActivity(config, 'report', async ({ workDir, run, beat }) => {
        const { signal } = beat;
        const { registeredModel, version, dataset, search, outcome } = request;
        const challenger = await versionOf(registeredModel, version, signal);
        if (!challenger?.run) {
          throw failure(
            'ModelNotFound',
            `Version ${version} of ${registeredModel} has no MLflow run to keep a page in.`,
          );
        }
        const { found, run: home } = challenger;
        const { runId } = home;
        const url = reportUrl(mlflow.links.runUrl(home.experimentId, runId));
        const { command } = config.steps.report;
        // A command is told nothing of the outcome, so its page stays as it is.
        if (command && outcome && found.tags[TAGS.report]) {
          return { reportUri: `runs:/${runId}/${REPORT_FILES.page}`, url, summary: '' };
        }
        const scored = canScore(config);
        const input: ReportInput = {
          trackingUri: config.mlflow.uri,
          runId,
          workDir,
          // Another core is left to the promotion, which goes on at the same time.
          threads: Math.max(1, availableParallelism() - 1),
          registeredModel,
          datasetDir: scored || isBundledData(config) ? await store.fetchDirectory(dataset.ref, { signal }) : null,
          scored,
          challenger: {
            ...reported(config, challenger),
            model: request.model,
            params: request.params ?? nullIfEmpty(readParams(home.params)),
          },
          champion: await championOf(config, request, signal),
          search,
          lineage: {
            ...request.lineage,
            datasetSha256: dataset.ref.sha256,
            codeRevision: found.tags[TAGS.revision] ?? null,
            release: packageJson.version,
            driftReport: request.driftReport,
          },
          outcome,
        };
        const written = WrittenReport.parse(
          command
            ? await run(
                runner,
                {
                  ...input,
                  version,
                  dataPath: fromRoot(config, request.lineage.data),
                  datasetDir: await store.fetchDirectory(dataset.ref, { signal }),
                },
                {
                  openRun: async () => ({ runId }),
                  collect: (ran: Ran) => collectPage(ran, runId),
                },
              )
            : await run(runner, input),
        );
        await mlflow.setVersionTags(registeredModel, version, { [TAGS.report]: url }, { signal });
        return { reportUri: written.reportUri, url, summary: written.summary };
      });
    },
  };

  /** The page that a command wrote: what its result says, the file of `outputs.file`, or the one page in `{output}`. */
  async function collectPage(ran: Ran, runId: string): Promise<WrittenReport> {
    const told = WrittenReport.safeParse(ran.result);
    if (told.success) return told.data;
    const reportUri = `runs:/${runId}/${REPORT_FILES.page}`;
    const written = { reportUri, dataUri: reportUri, summary: '' };
    const logged = await mlflow.listArtifacts(runId, 'report');
    const { file } = ran.settings.outputs;
    if (file === undefined && logged.some(({ path }) => path === REPORT_FILES.page)) return written;
    const page = file === undefined ? await onlyPage(ran.output) : await ran.written('file', file);
    await mlflow.logArtifact(runId, REPORT_FILES.page, await readFile(page));
    return written;
  }
}

async function onlyPage(folder: string): Promise<string> {
  const pages = (await readdir(folder).catch(() => [])).filter((name) => extname(name) === '.html');
  if (pages.length === 1) return join(folder, pages[0] as string);
  const found = pages.length === 0 ? 'no HTML page' : pages.join(', ');
  throw stepFailed(
    `The command ended well, but its page was not found: {output} holds ${found}, and the run no ${REPORT_FILES.page}. ` +
      'Set steps.report.outputs.file.',
  );
}

/** The bundled step's data set has a shape that the page knows; a command may write anything. */
function isBundledData({ steps: { prepare } }: Config): boolean {
  return !prepare.command && !prepare.skip;
}

function reported(config: Config, { found, run }: { found: ModelVersion; run: Run | undefined }) {
  const { name, version } = found;
  return { version, uri: `models:/${name}/${version}`, metrics: run ? recordedMetrics(config, run) : {} };
}

const nullIfEmpty = (params: Params): Params | null => (Object.keys(params).length > 0 ? params : null);
