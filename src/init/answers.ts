import { filesOf } from './call.ts';
import { preparations } from './chain.ts';
import type { Findings } from './findings.ts';
import { forSearch, isValidation, parametersOf } from './hyperparameters.ts';
import { keepsModel, type Program, withRole } from './programs.ts';
import { folded } from './sources.ts';

/** How parameters are searched: by the project's own program, by trials of the training, or not at all. */
export type SearchWay = 'own' | 'trials' | 'none';
export type Target = 'docker' | 'process' | 'none';

/** What only the project's people know. */
export interface Answers {
  /** Path of the program that trains; null: none yet. */
  train: string | null;
  /** Path of the program that prepares; null: none does. */
  prepare: string | null;
  /** Path of the data; null: as it was found. */
  data: string | null;
  search: SearchWay;
  /** Metric of MLflow that decides the search; null: none. */
  metric: string | null;
  registeredModel: string;
  /** Whether the schedules that were found are taken over. */
  schedules: boolean;
  deployment: Target;
}

/** The answers that what was found suggests; of several trainings none, as nobody is there to say which. */
export function defaultAnswers(findings: Findings): Answers {
  const train = surest(findings);
  const metric = metricsOf(findings, train?.path ?? null).find(isValidation) ?? null;
  return {
    train: train?.path ?? null,
    prepare: only(preparations(findings, train))?.program.path ?? null,
    data: null,
    search: searchWays(findings, train?.path ?? null, metric)[0] ?? 'none',
    metric,
    registeredModel: findings.tracking.registeredModels[0]?.value ?? pascal(findings.name),
    schedules: schedulesFound(findings),
    deployment: deploymentFor(findings, train),
  };
}

/** Programs that may be the training, the likeliest first; one that harms the project is none. */
export function trainCandidates({ programs }: Findings): Program[] {
  return [...withRole(programs, 'train'), ...withRole(programs, 'baseline')];
}

/** The training, when it is plain which one it is: declared as work of the project, or the only one. */
function surest({ programs, pipelines }: Findings): Program | null {
  const trains = withRole(programs, 'train');
  const declared = pipelines.flatMap(({ runs }) =>
    runs.flatMap(({ script }) => trains.filter(({ path }) => path === script)),
  );
  if (declared[0]) return declared[0];
  const candidates = trains.length > 0 ? trains : withRole(programs, 'baseline');
  const run = candidates.filter(({ runs }) => runs.length > 0);
  return only(run.length === 1 ? run : candidates);
}

const only = <Item>([first, ...others]: readonly Item[]) => (others.length === 0 ? (first ?? null) : null);

/** Metrics that the training and the search log, the best to decide by first. */
export function metricsOf({ programs }: Findings, train: string | null): string[] {
  const own = programs.filter(({ path, role }) => path === train || role === 'search');
  return forSearch(own.flatMap(({ facts }) => facts.metrics)).map(({ name }) => name);
}

/** The ways to search that the project allows, the likeliest first. */
export function searchWays({ programs }: Findings, train: string | null, metric: string | null): SearchWay[] {
  const [search] = train === null ? [] : withRole(programs, 'search');
  const program = programs.find(({ path }) => path === train);
  const trials = program !== undefined && metric !== null && parametersOf(program, []).length > 0;
  // The trials of a search are the runs that it opens; what it finds must reach the training.
  const isSeen = search?.facts.imports.some((module) => /^mlflow\b|^optuna_integration/.test(module)) ?? false;
  const isTaken = search !== undefined && program !== undefined && untaken(search, program).length === 0;
  const ways = isTaken ? (['own', 'trials', 'none'] as const) : (['trials', 'own', 'none'] as const);
  return ways.filter((way) => way === 'none' || (way === 'own' ? isSeen : trials));
}

/** Names that a search of the project's own varies and the training has no argument for. */
export function untaken(search: Program, train: Program): string[] {
  const taken = train.options.map(({ dest }) => folded(dest));
  return search.facts.suggestions.map(({ name }) => name).filter((name) => !taken.includes(folded(name)));
}

/** Whether a DAG or a workflow starts something by the clock. */
export function schedulesFound({ dags, ci }: Findings): boolean {
  return (
    dags.some(({ cron, every }) => cron ?? every) || ci.some(({ crons, runs }) => crons.length > 0 && runs.length > 0)
  );
}

/** An image of the project serves its own API; the bundled API serves what MLflow loads, and nothing else. */
function deploymentFor({ dockerfiles, api, table, view }: Findings, train: Program | null): Target {
  if (dockerfiles.some(({ serves }) => serves)) return 'docker';
  if (api !== null || table !== null) return 'process';
  if (train === null || !keepsModel(train.facts)) return 'none';
  const files = filesOf(train, train.runs[0], train.facts.models, view);
  return files.some((path) => /\.(json|txt|pt|onnx|ubj|cbm)$/.test(path)) ? 'none' : 'process';
}

/** readmission-risk → ReadmissionRisk */
function pascal(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') || 'Model';
}
