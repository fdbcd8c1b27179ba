import type { StepName } from '../contracts/plans.ts';
import { type Arguments, argumentsOf, namesInput, namesOutput } from './arguments.ts';
import type { DagTask } from './automation.ts';
import type { Findings } from './findings.ts';
import { forGate, forSearch, isAuc, type Metric, type Parameter, parametersOf } from './hyperparameters.ts';
import { type Script, type Usage, withRole } from './scripts.ts';

/** A step as a command of the project. */
export interface StepProposal extends Arguments {
  script: Script;
  command: string[];
  /** The task of a DAG that it replaces. */
  task: { where: string; task: DagTask } | null;
}

/** What is proposed, before it is put into words. */
export interface Proposal {
  findings: Findings;
  answers: Answers;
  prepare: (StepProposal & { directory: string | null }) | null;
  search: StepProposal | null;
  trial: StepProposal | null;
  train: StepProposal | null;
  monitor: StepProposal | null;
  parameters: Parameter[];
  /** Metric that decides the search. */
  metric: Metric | null;
  /** Metric that the gate compares. */
  gate: Metric | null;
}

/** Puts together what was found and what was answered. */
export function propose(findings: Findings, answers: Answers): Proposal {
  const train = findings.scripts.find(({ path }) => path === answers.train) ?? null;
  const [prepare = null] = withRole(findings.scripts, 'prepare');
  const [search = null] = answers.search === 'own' ? withRole(findings.scripts, 'search') : [];
  const [monitor = null] = withRole(findings.scripts, 'monitor');
  const prepared = prepare && handOver(prepare, train);
  const parameters = train ? parametersOf(train, searched(findings)) : [];
  const metricNames = train ? train.facts.metrics : [];
  const [gate = null] = forGate(metricNames);
  const metric = answers.metric === null ? null : (forSearch([answers.metric])[0] ?? null);

  const make = (
    step: StepName,
    script: Script | null,
    withParams: 'none' | 'given' | 'withDefaults',
  ): StepProposal | null => {
    if (!script) return null;
    const params =
      withParams === 'none'
        ? []
        : parameters.map(({ option }) => ({
            option,
            fallback: withParams === 'given' || option.default === null ? null : String(option.default),
          }));
    // Without a search the script's own defaults are meant.
    const usable = answers.search === 'none' && step !== 'trial' ? [] : params;
    const made = argumentsOf({
      step,
      script,
      params: usable,
      dataset: prepared?.dataset ?? false,
      preparedIn: prepared?.folder ?? null,
    });
    return { ...made, script, command: [...started(script, findings), ...made.args], task: taskOf(findings, script) };
  };
  const preparing = make('prepare', prepare, 'none');
  return {
    findings,
    answers,
    prepare: preparing && {
      ...preparing,
      directory: preparing.args.some((word) => word.includes('{output}')) ? null : (prepared?.folder ?? null),
    },
    search: make('search', search, 'none'),
    trial: parameters.length > 0 && metric ? make('trial', train, 'given') : null,
    train: make('train', train, 'withDefaults'),
    monitor: make('monitor', monitor, 'none'),
    parameters,
    metric,
    gate,
  };
}

/** Where the preparing script writes, and whether the training can be told to read elsewhere. */
function handOver(prepare: Script, train: Script | null): { dataset: boolean; folder: string | null } {
  const option = prepare.options.find(namesOutput);
  const written = typeof option?.default === 'string' ? option.default : prepare.facts.writes[0];
  const folder = written === undefined || /^[/?]/.test(written) ? null : folderOf(written);
  const takes = train?.options.some(namesInput) ?? false;
  return { dataset: takes && (option !== undefined || folder !== null), folder };
}

/** The folder of a file, or the folder itself; null for the project's own. */
function folderOf(path: string): string | null {
  const own = path.replace(/^\.\/|\/$/g, '');
  return (/\.\w+$/.test(own) ? own.split('/').slice(0, -1).join('/') : own) || null;
}

/** What the project's own search asks for, and where. */
function searched({ scripts }: Findings) {
  return withRole(scripts, 'search').flatMap(({ path, facts }) =>
    facts.suggestions.map((suggestion) => ({ suggestion, where: path })),
  );
}

/** Outside of a virtual environment there is often no program called python. */
export function started({ command }: Pick<Script, 'command'>, { environment }: Findings): string[] {
  return environment.venvs.length > 0
    ? command
    : command.map((word, index) => (index === 0 && word === 'python' ? 'python3' : word));
}

function taskOf({ dags }: Findings, { usages }: Script): StepProposal['task'] {
  for (const dag of dags) {
    for (const task of dag.tasks) {
      const where = `${dag.path}, task ${task.id}`;
      if (usages.some((usage: Usage) => usage.where === where)) return { where, task };
    }
  }
  return null;
}

/** What our gate calls the metric: it knows test_auc without a rule. */
export const gateName = ({ name }: Metric) => (isAuc(name) ? 'test_auc' : name);

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

function registeredModels({ tracking }: Findings): string[] {
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
