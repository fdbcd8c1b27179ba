import { REPORT_FILES } from '../../contracts/report.ts';

/** Addresses of pages in MLflow's own UI. */
export function uiLinks(base: string) {
  const part = encodeURIComponent;
  const artifactUrl = (experimentId: string, runId: string, path: string) =>
    `${base}/#/experiments/${part(experimentId)}/runs/${part(runId)}/artifacts/${path.split('/').map(part).join('/')}`;
  return {
    experimentUrl: (experimentId: string) => `${base}/#/experiments/${part(experimentId)}`,
    runUrl: (experimentId: string, runId: string) => `${base}/#/experiments/${part(experimentId)}/runs/${part(runId)}`,
    /** The page of a file of a run. */
    artifactUrl,
    /** The report page of a run, which the UI shows in a frame. */
    reportUrl: (experimentId: string, runId: string) => artifactUrl(experimentId, runId, REPORT_FILES.page),
    /** The file itself. */
    fileUrl: (runId: string, path: string) => `${base}/get-artifact?path=${part(path)}&run_id=${part(runId)}`,
    /** The page that puts runs side by side; that of versions needs the files of their models, and fails without. */
    compareUrl: (runs: ReadonlyArray<{ experimentId: string; runId: string }>) => {
      const list = (values: readonly string[]) => part(JSON.stringify([...new Set(values)]));
      const experiments = list(runs.map(({ experimentId }) => experimentId));
      return `${base}/#/compare-runs?runs=${list(runs.map(({ runId }) => runId))}&experiments=${experiments}`;
    },
    versionUrl: (name: string, version: string) => `${base}/#/models/${part(name)}/versions/${part(version)}`,
  };
}
