import { STAGE_TITLES, TASK_QUEUES } from '../contracts/names.ts';
import type { Link } from '../contracts/progress.ts';

/** A page to look at, by the name that people read. */
export interface NamedLink {
  name: string;
  url: string;
}

/** The settings that addresses in the Temporal UI depend on. */
interface UiConfig {
  temporal: { uiUrl: string; namespace: string };
}

/** The pages of workflows in the Temporal UI. */
export function workflowsUrl({ temporal: { uiUrl, namespace } }: UiConfig): string {
  return `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows`;
}

/** A workflow's page by its id. */
export function pageOf(temporalUi: string, workflowId: string): string {
  return `${temporalUi}/${encodeURIComponent(workflowId)}`;
}

/** The page of a workflow: of one run, or of the latest. */
export function temporalLink(config: UiConfig, workflowId: string, runId?: string): NamedLink {
  const run = runId ? `/${runId}/history` : '';
  return { name: 'Temporal UI', url: `${pageOf(workflowsUrl(config), workflowId)}${run}` };
}

/**
 * The list of workflows in the Temporal UI, filtered.
 *
 * @param savedAs the page keeps the filter under this name in the browser's list of saved views
 */
export function listUrl(config: UiConfig, filter: string, savedAs?: string): string {
  const saved = savedAs === undefined ? '' : `&savedQuery=${part(savedAs)}`;
  return `${workflowsUrl(config)}?query=${part(filter)}${saved}`;
}

/**
 * The form of the Temporal UI that starts a workflow, filled in but for the input.
 *
 * @param workflowId one that no workflow has had: the form takes over the input and the search attributes of the latest
 *   workflow of the same type and id, and without an id those of the latest of the type
 */
export function startUrl(config: UiConfig, workflowType: string, workflowId: string): string {
  const query = `workflowId=${part(workflowId)}&taskQueue=${TASK_QUEUES.orchestration}&workflowType=${part(workflowType)}`;
  return `${workflowsUrl(config)}/start-workflow?${query}`;
}

/** Brackets would end the link in Markdown. */
const part = (text: string) => encodeURIComponent(text).replaceAll('(', '%28').replaceAll(')', '%29');

/** The Temporal page first, then what the workflow itself points at, each once. */
export function allLinks(page: NamedLink, fromWorkflow: readonly Link[]): NamedLink[] {
  const own = fromWorkflow.map((link) => ({ name: linkName(link), url: link.url }));
  return [page, ...own.filter(({ url }) => url !== page.url)];
}

const NAMES: Record<Exclude<Link['kind'], 'stage'>, string> = {
  api: 'API',
  mlflowRun: 'MLflow run',
  modelReport: 'Model report',
  driftReport: 'Drift report',
};

export function linkName({ kind, stage }: Link): string {
  return kind === 'stage' ? (stage ? STAGE_TITLES[stage] : 'Stage') : NAMES[kind];
}
