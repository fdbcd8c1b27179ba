import { STAGE_TITLES } from '../contracts/names.ts';
import type { Link } from '../contracts/progress.ts';

/** A workflow's page by its id. */
export function pageOf(temporalUi: string, workflowId: string): string {
  return `${temporalUi}/${encodeURIComponent(workflowId)}`;
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
