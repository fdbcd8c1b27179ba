/** Addresses of pages in MLflow's own UI. */
export function uiLinks(base: string) {
  const part = encodeURIComponent;
  return {
    experimentUrl: (experimentId: string) => `${base}/#/experiments/${part(experimentId)}`,
    runUrl: (experimentId: string, runId: string) => `${base}/#/experiments/${part(experimentId)}/runs/${part(runId)}`,
    versionUrl: (name: string, version: string) => `${base}/#/models/${part(name)}/versions/${part(version)}`,
  };
}
