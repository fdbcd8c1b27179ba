import type { Config } from '../config.ts';
import type { Progress } from '../contracts/progress.ts';

export type Link = Progress['links'][number];

/** The page of a workflow in the Temporal UI: of one run, or of the latest. */
export function temporalLink(config: Config, workflowId: string, runId?: string): Link {
  const run = runId ? `/${runId}/history` : '';
  return { name: 'Temporal UI', url: `${workflowsUrl(config)}/${encodeURIComponent(workflowId)}${run}` };
}

/**
 * The list of workflows in the Temporal UI, filtered.
 *
 * @param savedAs the page keeps the filter under this name in the browser's list of saved views
 */
export function listUrl(config: Config, filter: string, savedAs?: string): string {
  const saved = savedAs === undefined ? '' : `&savedQuery=${encodeURIComponent(savedAs)}`;
  return `${workflowsUrl(config)}?query=${encodeURIComponent(filter)}${saved}`;
}

function workflowsUrl({ temporal: { uiUrl, namespace } }: Config): string {
  return `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows`;
}

/** The Temporal page first, then what the workflow itself points at, each once. */
export function allLinks(page: Link, fromWorkflow: readonly Link[]): Link[] {
  return [page, ...fromWorkflow.filter(({ name, url }) => name !== page.name && url !== page.url)];
}
