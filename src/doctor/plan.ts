import { orderExtraSteps } from '../config/extraSteps.ts';
import { expandAll, type PlaceholderValues, parsePlaceholders } from '../config/placeholders.ts';
import { resolvePlan } from '../config/resolvePlan.ts';
import type { StepConfig } from '../config/steps.ts';
import { type Config, forModel, fromRoot } from '../config.ts';
import { STAGE_TITLES, STAGES, type Stage } from '../contracts/names.ts';
import type { StepName } from '../contracts/plans.ts';
import type { Space } from '../contracts/training.ts';
import { type InputOf, type PlanOf, WORKFLOWS } from '../contracts/workflows.ts';
import { extraStepSettings } from '../systems/steps/index.ts';
import { plannedDeployment, plannedGate, resultsText } from './planText.ts';

/** One step as it would be run. */
export interface PlannedStep {
  name: string;
  how: 'bundled' | 'command' | 'skipped';
  /** With placeholders filled by samples; null without a command. */
  command: string[] | null;
  /** Where it runs, for a reader. */
  where: string;
  timeoutSeconds: number;
  /** How often it is tried when it fails; a crash of its worker does not count. */
  attempts: number;
  /** Where its results come from, for a reader. */
  results: string;
}

export interface PlannedStage {
  stage: Stage | 'driftCheck';
  title: string;
  /** What it does, for a reader. */
  does: string;
  before: PlannedStep[];
  steps: PlannedStep[];
  after: PlannedStep[];
}

/** What a retrain with this input would do. */
export function planOf(config: Config, input: InputOf<'retrain'>): RetrainPlan {
  return WORKFLOWS.retrain.plan.parse(resolvePlan(config, 'retrain', input, false));
}

export type RetrainPlan = PlanOf<'retrain'>;

/** The stages of a retrain as they would be run, and the drift check. */
export function stagesOf(shared: Config, plan: RetrainPlan): PlannedStage[] {
  const config = forModel(shared, plan.registeredModel);
  const extra = extraStepsOf(config, plan);
  const main: Record<Stage, [does: string, steps: StepName[]]> = {
    prepareData: [`from ${plan.data}`, ['prepare']],
    hyperparameterSearch: searchOf(config, plan),
    trainBestAndRegister: [`one new version of ${plan.registeredModel}`, ['train']],
    promote: [plannedGate(config, plan), plan.registryStage === 'None' || plan.policy !== 'rules' ? [] : ['evaluate']],
    redeploy: [plannedDeployment(config, plan), []],
  };
  const retrain = STAGES.map((stage): PlannedStage => {
    const [does, names] = main[stage];
    const steps = names.map((name) => stepOf(config, plan, name));
    return {
      stage,
      title: STAGE_TITLES[stage],
      does,
      before: extra(stage, 'before'),
      steps,
      after: extra(stage, 'after'),
    };
  });
  const { minRows } = config.monitoring;
  const drift = { does: `on its own: with ${minRows} rows or more in each window`, before: [], after: [] };
  return [
    ...retrain,
    { stage: 'driftCheck', title: 'Drift check', ...drift, steps: [stepOf(config, plan, 'monitor')] },
  ];
}

function searchOf({ steps }: Config, { trials, parallel, sampler, model }: RetrainPlan): [string, StepName[]] {
  if (trials === 0) return [`none: ${steps.train.command ? 'the command' : model} has its own parameters`, []];
  if (steps.search.command) return [`one command does the search, ${trials} trials are asked for`, ['search']];
  const suggest: StepName[] = steps.suggest.command ? ['suggest'] : [];
  return [
    `${trials} trials, ${parallel} at once, proposed by ${steps.suggest.command ? 'a command' : sampler}`,
    [...suggest, 'trial'],
  ];
}

function stepOf(config: Config, plan: RetrainPlan, name: StepName): PlannedStep {
  const { command, skip, ...settings } = config.steps[name];
  const common = { name, timeoutSeconds: settings.timeout, attempts: settings.attempts ?? 1 };
  const results = resultsText(config, name);
  if (command) {
    const where = whereOf(config, settings);
    return { ...common, how: 'command', command: sampleOf(command, config, plan), where, results };
  }
  return { ...common, how: skip ? 'skipped' : 'bundled', command: null, where: '', results };
}

function extraStepsOf(config: Config, plan: RetrainPlan) {
  const ordered = orderExtraSteps(config.extraSteps);
  return (stage: Stage, when: 'before' | 'after') =>
    ordered
      .filter((placed) => placed.stage === stage && placed.when === when)
      .map(({ step }): PlannedStep => {
        const { command, timeout: timeoutSeconds, attempts = 1, ...settings } = extraStepSettings(step);
        const sample = sampleOf(command, config, plan);
        const where = whereOf(config, settings);
        return { name: step.name, how: 'command', command: sample, where, timeoutSeconds, attempts, results: '' };
      });
}

function whereOf(
  { root }: Config,
  { cwd, isolate, image, venv }: Pick<StepConfig, 'cwd' | 'isolate' | 'image' | 'venv'>,
) {
  const project = { none: root, copy: `a copy of ${root}`, worktree: `a git worktree of ${root}` }[isolate];
  return [
    `in ${project}${cwd ? `, folder ${cwd}` : ''}`,
    ...(image ? [`in the container image ${image}`] : []),
    ...(venv ? [`with the programs of ${venv}`] : []),
  ].join(', ');
}

/** A command as it would be run: what is not known before is in angle brackets. */
export function sampleOf(command: readonly string[], config: Config, plan: RetrainPlan): string[] {
  const found = middleOf(config.search.space ?? {});
  const params = { ...unknownParams(command, Object.keys(found)), ...found };
  return expandAll(command, { values: sampleValues(config, plan), params });
}

function sampleValues(config: Config, plan: RetrainPlan): PlaceholderValues['values'] {
  return {
    project: config.root,
    workDir: '<workDir>',
    output: '<output>',
    data: fromRoot(config, plan.data),
    dataset: '<dataset>',
    seed: plan.seed,
    model: plan.model,
    registeredModel: plan.registeredModel,
    experiment: config.mlflow.experiment,
    trackingUri: config.mlflow.uri,
    runId: '<runId>',
    threads: '<threads>',
    version: '<version>',
    trials: plan.trials,
    parallel: plan.parallel,
    minRows: config.monitoring.minRows,
    log: config.monitoring.log ? fromRoot(config, config.monitoring.log) : '<log>',
  };
}

/** Parameters without a range: those that a script's own search finds, or that have a value of their own. */
function unknownParams(command: readonly string[], found: readonly string[]): Record<string, string> {
  const pieces = command.flatMap(parsePlaceholders);
  const names = pieces.flatMap((piece) =>
    'name' in piece && /^params\.(?!json$)/.test(piece.name) && piece.otherwise === undefined
      ? [piece.name.slice('params.'.length)]
      : [],
  );
  const known = found.map(folded);
  return Object.fromEntries(names.filter((name) => !known.includes(folded(name))).map((name) => [name, `<${name}>`]));
}

const folded = (name: string) => name.replaceAll('-', '_');

/** A point in the middle of the search space. */
export function middleOf(space: Space): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => {
      if (dimension.type === 'categorical') return [name, dimension.choices[0] as string];
      const { low, high, log } = dimension;
      const middle = log && low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
      return [name, dimension.type === 'int' ? Math.round(middle) : Number(middle.toPrecision(3))];
    }),
  );
}
