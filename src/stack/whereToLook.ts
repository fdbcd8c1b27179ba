import { temporalLink } from '../cli/links.ts';
import type { Config } from '../config.ts';
import { champion } from './champion.ts';
import { hasGateway, hasWebhook } from './parts.ts';

/**
 * What to open in the browser, as lines to print.
 *
 * @param retrainId the retrain to point at; absent: the one that made the champion
 */
export async function whereToLook(config: Config, retrainId?: string): Promise<string[]> {
  const { temporal, mlflow, deployment, registry } = config;
  const best = await champion(config).catch(() => undefined);
  const shown = retrainId ?? best?.retrainId;
  const workflows = `${temporal.uiUrl}/namespaces/${encodeURIComponent(temporal.namespace)}/workflows`;
  const rows: Array<[string, string]> = [
    ['Temporal UI', shown ? temporalLink(config, shown).url : workflows],
    ['MLflow', best?.runUrl ?? mlflow.uri],
  ];
  if (best) rows.push(['Report', `${best.runUrl}/artifacts/report/report.html`]);
  if (hasGateway(config)) {
    const version = best ? ` (${registry.registeredModel} version ${best.version})` : ' (no version yet)';
    rows.push(['API', `${deployment.apiUrl}/health${version}`]);
  }
  if (hasWebhook(config)) rows.push(['Drift alerts', `${config.webhook.url}/alerts ("mediwatch alert" raises one)`]);
  return rows.map(([name, where]) => `  ${name.padEnd(12)} ${where}`);
}
