import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import { REPORT_FILES } from '../../contracts/report.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
import { CommandError, EXIT } from '../exit.ts';
import { resolveVersion } from '../versions/resolve.ts';

/** The report page of a version. */
export interface ReportPage {
  registeredModel: string;
  version: string;
  runId: string;
  /** In MLflow's UI. */
  url: string;
  /** The file itself; behind a login like the rest of MLflow. */
  fileUrl: string;
}

/**
 * Finds the report page of a version.
 *
 * @param reference what stands for the version, as `resolveVersion` takes it
 * @throws {CommandError} when the version is not known, or has no report: why, and what to do
 */
export async function findPage(mlflow: Mlflow, config: Config, reference: string): Promise<ReportPage> {
  const { registeredModel } = config.registry;
  const { version, runId, tags } = resolveVersion(
    registeredModel,
    await mlflow.listVersions(registeredModel),
    reference,
  );
  const none = (why: string) => {
    return new CommandError(EXIT.failed, `Version ${version} of ${registeredModel} has no report: ${why}`);
  };
  const run = runId ? await mlflow.getRun(runId) : undefined;
  if (!run || run.deleted) {
    throw none('MLflow has no run of it, where a report would lie. A new retrain makes a version with one.');
  }
  const files = await mlflow.listArtifacts(runId, 'report');
  if (!files.some(({ path }) => path === REPORT_FILES.page)) {
    const page = mlflow.links.runUrl(run.experimentId, runId);
    const why = config.steps.report.skip
      ? 'steps.report.skip of mediwatch.yaml says that none is made.'
      : 'its run has none. A retrain that goes on writes it later; of one that ended, its page in the Temporal UI says ' +
        'why it could not be written.';
    throw none(`${why} The run: ${page}`);
  }
  return {
    registeredModel,
    version,
    runId,
    url: tags[TAGS.report] ?? mlflow.links.reportUrl(run.experimentId, runId),
    fileUrl: mlflow.links.fileUrl(runId, REPORT_FILES.page),
  };
}
