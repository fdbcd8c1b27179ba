import type { Config } from '../config.ts';
import type { Progress } from '../contracts/progress.ts';

export type Link = Progress['links'][number];

/** The page of a workflow in the Temporal UI: of one run, or of the latest. */
export function temporalLink({ temporal }: Config, workflowId: string, runId?: string): Link {
  const base = temporal.uiUrl.replace(/\/+$/, '');
  const run = runId ? `/${runId}/history` : '';
  const path = `/namespaces/${encodeURIComponent(temporal.namespace)}/workflows/${encodeURIComponent(workflowId)}${run}`;
  return { name: 'Temporal UI', url: base + path };
}

/** The Temporal page first, then what the workflow itself points at, each once. */
export function allLinks(page: Link, fromWorkflow: readonly Link[]): Link[] {
  return [page, ...fromWorkflow.filter(({ name, url }) => name !== page.name && url !== page.url)];
}
