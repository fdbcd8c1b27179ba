import { hasGateway, hasWebhook } from '../config/embedded.ts';
import type { Config } from '../config.ts';
import { OUR_CONTRACT } from '../contracts/apiContract.ts';
import { ALIASES, starterOf, TAGS } from '../contracts/names.ts';
import { withMlflow } from '../systems/mlflow/withMlflow.ts';
import { pageOf, workflowsUrl } from '../words/links.ts';

/**
 * What to open in the browser, as lines to print.
 *
 * @param retrainId the retrain to point at; absent: the one that made the champion
 */
export async function whereToLook(config: Config, retrainId?: string): Promise<string[]> {
  const { mlflow, deployment, registry } = config;
  const best = await champion(config).catch(() => undefined);
  const shown = retrainId ?? best?.retrainId;
  const workflows = workflowsUrl(config);
  const rows: Array<[string, string]> = [
    ['Temporal UI', shown ? pageOf(workflows, shown) : workflows],
    ['MLflow', best?.runUrl ?? mlflow.uri],
  ];
  if (best) rows.push(['Report', `${best.runUrl}/artifacts/report/report.html`]);
  if (hasGateway(config)) {
    const version = best ? ` (${registry.registeredModel} version ${best.version})` : ' (no version yet)';
    const { apiUrl, contract = OUR_CONTRACT } = deployment;
    rows.push(['API', `${apiUrl}${contract.health.path}${version}`]);
  }
  if (hasWebhook(config)) rows.push(['Drift alerts', `${config.webhook.url}/alerts ("mediwatch alert" raises one)`]);
  return rows.map(([name, where]) => `  ${name.padEnd(12)} ${where}`);
}

interface Champion {
  version: string;
  /** The page of the MLflow run that trained it. */
  runUrl: string;
  /** The retrain that registered it, if one did. */
  retrainId: string | undefined;
}

/** The version that serves according to the registry; undefined when there is none. */
export async function champion(config: Config): Promise<Champion | undefined> {
  const { registeredModel } = config.registry;
  return await withMlflow(config, async (mlflow) => {
    const found = await mlflow.getByAlias(registeredModel, ALIASES.champion);
    if (!found) return undefined;
    const { version, runId, tags } = found;
    const trainedBy = tags[TAGS.workflowId];
    const run = await mlflow.getRun(runId);
    const runUrl = run
      ? mlflow.links.runUrl(run.experimentId, runId)
      : mlflow.links.versionUrl(registeredModel, version);
    return { version, runUrl, retrainId: trainedBy && starterOf(trainedBy) };
  });
}
