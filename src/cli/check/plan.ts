import { orderExtraSteps } from '../../config/extraSteps.ts';
import { resolvePlan } from '../../config/resolvePlan.ts';
import type { StepConfig } from '../../config/steps.ts';
import { type Config, forModel, modelNames } from '../../config.ts';
import { STAGE_TITLES, STAGES, type Stage } from '../../contracts/names.ts';
import type { StepName } from '../../contracts/plans.ts';
import { type InputOf, type PlanOf, WORKFLOWS } from '../../contracts/workflows.ts';
import { extraStepSettings } from '../../systems/steps/index.ts';
import { deploymentInWords, gateInWords, resultsInWords } from './inWords.ts';
import { sampleOf } from './samples.ts';

/** One step as it would be run. */
export interface PlannedStep {
  name: string;
  how: 'bundled' | 'command' | 'skipped';
  /** With placeholders filled by samples; null without a command. */
  command: string[] | null;
  /** Where it runs, in words. */
  where: string;
  timeoutSeconds: number;
  attempts: number;
  /** Where its results come from, in words. */
  results: string;
}

export interface PlannedStage {
  stage: Stage | 'driftCheck';
  title: string;
  /** What it does, in words. */
  does: string;
  before: PlannedStep[];
  steps: PlannedStep[];
  after: PlannedStep[];
}

/** What the worker would do of each model, the first one first. */
export function plansOf(config: Config): Plan[] {
  return modelNames(config).map((registeredModel) => planOf(config, { registeredModel }));
}

/** What a retrain with this input would do. */
export function planOf(config: Config, input: InputOf<'retrain'>): Plan {
  return WORKFLOWS.retrain.plan.parse(resolvePlan(config, 'retrain', input, false));
}

export type Plan = PlanOf<'retrain'>;

/** The stages of a retrain as they would be run, and the drift check. */
export function stagesOf(shared: Config, plan: Plan): PlannedStage[] {
  const config = forModel(shared, plan.registeredModel);
  const extra = extraStepsOf(config, plan);
  const main: Record<Stage, [does: string, steps: StepName[]]> = {
    prepareData: [`from ${plan.data}`, ['prepare']],
    hyperparameterSearch: searchOf(config, plan),
    trainBestAndRegister: [`one new version of ${plan.registeredModel}`, ['train']],
    promote: [gateInWords(config, plan), plan.registryStage === 'None' || plan.policy !== 'rules' ? [] : ['evaluate']],
    redeploy: [deploymentInWords(config, plan), []],
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
  const drift = { does: `by itself: with ${minRows} rows or more in each window`, before: [], after: [] };
  return [
    ...retrain,
    { stage: 'driftCheck', title: 'Drift check', ...drift, steps: [stepOf(config, plan, 'monitor')] },
  ];
}

function searchOf({ steps }: Config, { trials, parallel, sampler, model }: Plan): [string, StepName[]] {
  if (trials === 0) return [`none: ${steps.train.command ? 'the command' : model} has its own parameters`, []];
  if (steps.search.command) return [`one command does the search, ${trials} trials are asked for`, ['search']];
  const suggest: StepName[] = steps.suggest.command ? ['suggest'] : [];
  return [
    `${trials} trials, ${parallel} at once, proposed by ${steps.suggest.command ? 'a command' : sampler}`,
    [...suggest, 'trial'],
  ];
}

function stepOf(config: Config, plan: Plan, name: StepName): PlannedStep {
  const { command, skip, ...settings } = config.steps[name];
  const common = { name, timeoutSeconds: settings.timeout, attempts: plan.limits[name].attempts };
  const results = resultsInWords(config, name);
  if (command) {
    const where = whereOf(config, settings);
    return { ...common, how: 'command', command: sampleOf(command, config, plan), where, results };
  }
  return { ...common, how: skip ? 'skipped' : 'bundled', command: null, where: '', results };
}

function extraStepsOf(config: Config, plan: Plan) {
  const ordered = orderExtraSteps(config.extraSteps);
  return (stage: Stage, when: 'before' | 'after') =>
    ordered
      .filter((placed) => placed.stage === stage && placed.when === when)
      .map(({ step }): PlannedStep => {
        const { command, timeout: timeoutSeconds, ...settings } = extraStepSettings(step);
        const attempts = plan.extraSteps.find(({ name }) => name === step.name)?.attempts ?? 1;
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
