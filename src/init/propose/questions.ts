import { type Script, withRole } from '../detect/scripts.ts';
import type { Findings } from '../findings.ts';
import { forSearch, isAuc } from './metrics.ts';
import { parametersOf } from './space.ts';

/** How parameters are searched: by the project's own script, by trials of the training script, or not at all. */
export type SearchWay = 'own' | 'trials' | 'none';
export type Target = 'docker' | 'process' | 'none';

/** What only the project's people know. */
export interface Answers {
  /** Path of the script that trains; null: none yet. */
  train: string | null;
  search: SearchWay;
  /** Metric of MLflow that decides the search; null: none. */
  metric: string | null;
  registeredModel: string;
  /** Whether the schedules that were found are taken over. */
  schedules: boolean;
  deployment: Target;
}

/** The answers that what was found suggests. */
export function defaultAnswers(findings: Findings): Answers {
  const [train] = trainCandidates(findings);
  const metric = metricsOf(findings, train?.path ?? null)[0] ?? null;
  return {
    train: train?.path ?? null,
    search: searchWays(findings, train?.path ?? null, metric)[0] ?? 'none',
    metric,
    registeredModel: registeredModels(findings)[0] ?? pascal(findings.name),
    schedules: schedulesFound(findings),
    deployment: deploymentFor(findings),
  };
}

/** Scripts that may be the training, the likeliest first. */
export function trainCandidates({ scripts }: Findings): Script[] {
  return [
    ...withRole(scripts, 'train'),
    ...withRole(scripts, 'baseline'),
    ...scripts.filter(({ role }) => role === null),
  ];
}

/** Metrics that the training and the search log, the best to decide by first. */
export function metricsOf({ scripts }: Findings, train: string | null): string[] {
  const own = scripts.filter(({ path, role }) => path === train || role === 'search');
  return forSearch(own.flatMap(({ facts }) => facts.metrics)).map(({ name }) => name);
}

/** The ways to search that the project allows, the likeliest first. */
export function searchWays({ scripts }: Findings, train: string | null, metric: string | null): SearchWay[] {
  const own = withRole(scripts, 'search').length > 0;
  const script = scripts.find(({ path }) => path === train);
  const trials = script !== undefined && metric !== null && parametersOf(script, []).length > 0;
  return [...(own ? ['own' as const] : []), ...(trials ? ['trials' as const] : []), 'none'];
}

export function registeredModels({ tracking }: Findings): string[] {
  return tracking.registeredModels.map(({ value }) => value);
}

/** Whether a DAG or a workflow starts something by the clock. */
export function schedulesFound({ dags, ci }: Findings): boolean {
  return (
    dags.some(({ cron, every }) => cron ?? every) ||
    ci.some(({ crons, usages }) => crons.length > 0 && usages.length > 0)
  );
}

/** An image of the project serves its own API; the bundled API serves what scikit-learn made, and nothing else. */
function deploymentFor({ dockerfiles, api, scripts }: Findings): Target {
  if (dockerfiles.some(({ serves }) => serves)) return 'docker';
  if (api !== null) return 'process';
  const sklearn = scripts.some(({ facts }) => Object.keys(facts.calls).includes('mlflow.sklearn.log_model'));
  const trainsAuc = scripts.some(({ facts }) => facts.metrics.some(isAuc));
  return sklearn && trainsAuc ? 'process' : 'none';
}

/** readmission-risk → ReadmissionRisk */
function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') || 'Model';
}
