import type { StepName } from '../../contracts/plans.ts';
import type { DagTask } from '../detect/airflow.ts';
import type { Script, Usage } from '../detect/scripts.ts';
import { withRole } from '../detect/scripts.ts';
import type { Findings } from '../findings.ts';
import { type Arguments, argumentsOf } from './arguments.ts';
import { forGate, forSearch, isAuc, type Metric } from './metrics.ts';
import { namesInput, namesOutput } from './names.ts';
import type { Answers } from './questions.ts';
import { type Parameter, parametersOf } from './space.ts';

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
