import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import packageJson from '../../../package.json' with { type: 'json' };
import { type Config, canScore } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import { TAGS } from '../../contracts/names.ts';
import { REPORT_FILES, type ReportInput, type ReportOutcome, WrittenReport } from '../../contracts/report.ts';
import type { Dataset, Params } from '../../contracts/training.ts';
import { sameData } from '../../domain/sameData.ts';
import type { ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { recordedFiles } from '../../systems/mlflow/versionFiles.ts';
import { onlyFile, type Ran, readStepAnswer } from '../../systems/steps/index.ts';
import { capitalised } from '../../words/numbers.ts';
import { inputPath } from '../lib/inputPath.ts';
import { runStepActivity } from '../lib/step.ts';
import { recordedMetrics } from './compare.ts';
import { isBundledData, otherSplit, settingsOf, type TrainingSystems } from './systems.ts';
import { readParams } from './trials.ts';

const PAGE = { what: 'page', setting: 'steps.report.outputs.file' };

export interface ReportRequest {
  registeredModel: string;
  version: string;
  /** Version in Production before this one; null: none. */
  champion: string | null;
  dataset: Dataset;
  model: string;
  params: Params | null;
  search: ReportInput['search'];
  lineage: Pick<ReportInput['lineage'], 'workflowId' | 'workflowUrl' | 'trigger' | 'startedAt' | 'seed'> & {
    data: string;
  };
  driftReport: string | null;
  outcome: ReportOutcome | null;
}

export interface Report {
  /** Such as `runs:/…/report/report.html`. */
  reportUri: string;
  /** The page in MLflow's UI. */
  url: string;
}

/** A version with the run that made it, if that is known. */
interface Known {
  found: ModelVersion;
  run: Run | undefined;
}

export function createReportActivities({ config: shared, mlflow, store, runner }: TrainingSystems) {
  const versionOf = async (name: string, version: string, signal: AbortSignal): Promise<Known | undefined> => {
    const found = await mlflow.getVersion(name, version, { signal });
    const run = found?.runId ? await mlflow.getRun(found.runId, { signal }) : undefined;
    return found && { found, run };
  };

  const inputOf = async (
    config: Config,
    request: ReportRequest,
    { found, run }: Known & { run: Run },
    place: { workDir: string; signal: AbortSignal },
  ): Promise<ReportInput> => {
    const { registeredModel, champion, dataset, model, params, search, driftReport, outcome } = request;
    const { workDir, signal } = place;
    // A champion that has been deleted meanwhile is none.
    const known = champion === null ? undefined : await versionOf(registeredModel, champion, signal);
    const isForeign = config.steps.train.command !== undefined;
    const declared = isForeign ? await mlflow.declaredModel(found, { signal }) : null;
    const hasData = canScore(config) || isBundledData(config) || config.steps.report.command !== undefined;
    return {
      trackingUri: config.mlflow.uri,
      runId: run.runId,
      workDir,
      // Another core is left to the promotion, which goes on at the same time.
      threads: Math.max(1, availableParallelism() - 1),
      memoryMb: config.worker.memoryLimitMb,
      registeredModel,
      datasetDir: hasData ? await store.fetchDirectory(dataset.ref, { signal }) : null,
      scored: canScore(config),
      challenger: {
        ...reported(config, { found, run }),
        model: isForeign ? (declared?.kind ?? null) : model,
        versions: declared?.versions ?? null,
        params: params ?? nullIfEmpty(readParams(run.params)),
      },
      champion: known ? { ...reported(config, known), objection: objectionTo(known, { found, run }, config) } : null,
      search,
      lineage: {
        ...request.lineage,
        runUrl: mlflow.links.runUrl(run.experimentId, run.runId),
        datasetSha256: dataset.ref.sha256,
        codeRevision: found.tags[TAGS.revision] ?? null,
        release: packageJson.version,
        driftReport,
      },
      outcome,
    };
  };

  return {
    /**
     * Writes the page about a version to the MLflow run that made it, and its address on the version. Called again with
     * an outcome it draws the page again from what it had computed.
     */
    writeReport: (request: ReportRequest): Promise<Report> => {
      const config = settingsOf(shared, request.registeredModel);
      return runStepActivity(config, 'report', async ({ workDir, run, beat: { signal } }) => {
        const { registeredModel, version, lineage } = request;
        const known = await versionOf(registeredModel, version, signal);
        if (!known?.run)
          throw failure('ModelNotFound', `${registeredModel} has no version ${version} with an MLflow run.`);
        const { found, run: home } = known;
        const { runId, experimentId } = home;
        const url = mlflow.links.reportUrl(experimentId, runId);
        const { command } = config.steps.report;
        // A command is told nothing of the outcome, so its page stays as it is.
        if (command && request.outcome && found.tags[TAGS.report]) return { reportUri: pageUri(runId), url };
        const input = await inputOf(config, request, { found, run: home }, { workDir, signal });
        const named = { ...input, version, dataPath: await inputPath(config, 'data', lineage.data) };
        const made = command
          ? await run(runner, named, { openRun: async () => ({ runId }), collect: (ran) => collectPage(ran, runId) })
          : await run(runner, input);
        const { reportUri } = readStepAnswer('report', WrittenReport, made);
        await mlflow.setVersionTags(registeredModel, version, { [TAGS.report]: url }, { signal });
        return { reportUri, url };
      });
    },
  };

  /** The page that a command wrote: what its result says, the file of `outputs.file`, or the one page in `{output}`. */
  async function collectPage(ran: Ran, runId: string): Promise<WrittenReport> {
    const told = WrittenReport.safeParse(ran.result);
    if (told.success) return told.data;
    const reportUri = pageUri(runId);
    const written = { reportUri, dataUri: reportUri, summary: '' };
    const logged = await mlflow.listArtifacts(runId, 'report');
    const { file } = ran.settings.outputs;
    if (file === undefined && logged.some(({ path }) => path === REPORT_FILES.page)) return written;
    const page = file === undefined ? await onlyFile(ran.output, '.html', PAGE) : await ran.written('file', file);
    await mlflow.logArtifact(runId, REPORT_FILES.page, await readFile(page));
    return written;
  }
}

function reported(config: Config, { found, run }: Known) {
  return {
    version: found.version,
    uri: `models:/${found.name}/${found.version}`,
    recorded: recordedFiles(found),
    metrics: run ? recordedMetrics(config, run) : {},
  };
}

/** Why the champion's scores say nothing beside those of the new version; null: they may. */
function objectionTo(champion: Known, challenger: Known, config: Config): string | null {
  const trained = ({ found, run }: Known) => ({ tags: found.tags, params: run?.params });
  if (!canScore(config) && sameData(trained(challenger), trained(champion)) === false) return OTHER_DATA;
  return capitalised(otherSplit(challenger.found, champion.found)) || null;
}

const OTHER_DATA = 'The trainings scored the two versions on different data sets: they are not comparable.';
const pageUri = (runId: string) => `runs:/${runId}/${REPORT_FILES.page}`;
const nullIfEmpty = (params: Params): Params | null => (Object.keys(params).length > 0 ? params : null);
