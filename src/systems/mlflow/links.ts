/** Addresses of pages in MLflow's own UI. */
export function uiLinks(base: string) {
  const part = encodeURIComponent;
  return {
    experimentUrl: (experimentId: string) => `${base}/#/experiments/${part(experimentId)}`,
    runUrl: (experimentId: string, runId: string) => `${base}/#/experiments/${part(experimentId)}/runs/${part(runId)}`,
    /** The page of a file of a run. */
    artifactUrl: (experimentId: string, runId: string, path: string) =>
      `${base}/#/experiments/${part(experimentId)}/runs/${part(runId)}/artifacts/${path.split('/').map(part).join('/')}`,
    /** The file itself. */
    fileUrl: (runId: string, path: string) => `${base}/get-artifact?path=${part(path)}&run_id=${part(runId)}`,
    /**
     * The page that puts versions of a model side by side.
     *
     * @param versions number of each version by its run
     */
    compareUrl: (name: string, versions: Readonly<Record<string, string>>) =>
      `${base}/#/compare-model-versions?name=${part(JSON.stringify(part(name)))}&runs=${part(JSON.stringify(versions))}`,
    versionUrl: (name: string, version: string) => `${base}/#/models/${part(name)}/versions/${part(version)}`,
  };
}
