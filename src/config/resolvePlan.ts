import { type Config, forModel, gatewayOf, isDeclared, modelNames } from '../config.ts';
import { failure } from '../contracts/errors.ts';
import { type ExtraStepPlan, STEPS, type StepLimits, type StepName } from '../contracts/plans.ts';
import type { MetricRule } from '../contracts/registry.ts';
import type { InputOf, PlanOf, WorkflowName } from '../contracts/workflows.ts';
import { isClosed } from '../domain/approval.ts';
import { workflowsUrl } from '../words/links.ts';
import { didYouMean } from '../words/suggest.ts';
import { orderExtraSteps } from './extraSteps.ts';
import { namedGpus } from './gpus.ts';
import type { ExtraStep, StepConfig } from './steps.ts';

type AnyPlan = PlanOf<WorkflowName>;
type KeysOf<Union> = Union extends unknown ? keyof Union : never;
type RequiredKeysOf<Union> = Union extends unknown
  ? { [Key in keyof Union]-?: object extends Pick<Union, Key> ? never : Key }[keyof Union]
  : never;
type FieldOf<Union, Key extends PropertyKey> = Union extends Record<Key, infer Value> ? Value : never;

/** Every field that the plan of any workflow has: one that nothing here sets does not compile. */
type Fields = { [Key in RequiredKeysOf<AnyPlan>]: FieldOf<AnyPlan, Key> | undefined };
/** Every field that the input of any workflow may have. */
export type Given = {
  [Key in KeysOf<InputOf<WorkflowName>>]?: FieldOf<Required<InputOf<WorkflowName>>, Key> | undefined;
};

/**
 * Lays the input of a workflow over the settings of its model: the one place that decides what a workflow goes by. The
 * result holds the fields of every plan; the schema of the workflow's own plan picks its fields.
 *
 * @throws ApplicationFailure of type ModelUndeclared for a model that the settings do not name, unless that is asked for
 */
export function resolvePlan(shared: Config, workflow: WorkflowName, given: Given, searchable: boolean): Fields {
  const registeredModel = given.registeredModel ?? shared.registry.registeredModel;
  const declared = isDeclared(shared, registeredModel);
  if (!declared && !given.undeclared) throw undeclared(shared, registeredModel);
  const config = forModel(shared, registeredModel);
  const gateway = declared ? gatewayOf(config) : null;
  const { data, training, search, promotion, approval, rollout, deployment, monitoring, steward, steps, worker } =
    config;
  if (given.approval === false && approval.required && isClosed(approval)) {
    const why = 'approval: mediwatch.yaml says who approves a promotion, so an input cannot leave the approval out';
    throw failure('InvalidInput', why);
  }
  return {
    ...NOTHING_GIVEN,
    ...overlaid(training, given),
    ...overlaid(search, given),
    ...overlaid(promotion, given),
    ...overlaid(monitoring, given),
    ...overlaid(steward, given),
    ...given,
    registeredModel,
    data: given.data ?? data.path,
    seed: given.seed ?? data.seed,
    // Data that somebody hands over were split by the seed that comes with them, if one does.
    splitSeed: given.seed ?? null,
    // A project that has no search cannot be asked for one.
    trials: hasSearch(config) ? (given.trials ?? search.trials) : 0,
    // What a command prints or logs is no score of the bundled steps.
    metric: search.metric || (steps.trial.command || steps.search.command ? 'score' : ''),
    parallel: given.parallel ?? search.parallel ?? atOnce(steps.trial, worker),
    // One command that does the whole search ends trials by itself, or none.
    pruner: steps.search.command ? 'none' : (given.pruner ?? search.pruner),
    oneCommand: steps.search.command !== undefined,
    trialCommand: steps.trial.command !== undefined,
    registryStage: given.registryStage ?? (workflow === 'promote' ? 'Production' : promotion.registryStage),
    rules: rulesOf(given, config),
    approval: { ...approval, required: given.approval ?? approval.required },
    onlyPromoted: approval.required,
    rollout: overlaid(rollout, given),
    deploys: gateway !== null,
    gateway,
    redeploy: gateway !== null && (given.redeploy ?? true),
    prepareAgain: given.force ?? false,
    report: !steps.report.skip,
    gate: config.driftGate,
    extraSteps: extraStepsOf(config),
    limits: Object.fromEntries(STEPS.map((step) => [step, limitsOf(steps[step], worker, ATTEMPTS_OF[step])])) as Record<
      StepName,
      StepLimits
    >,
    notifies: config.notifications.length > 0,
    searchable,
    links: {
      temporalUi: workflowsUrl(config),
      api: deployment.apiUrl,
    },
  };
}

function undeclared(config: Config, name: string) {
  const known = modelNames(config);
  const what = `mediwatch.yaml declares no model "${name}", only ${known.join(', ')}`;
  return failure('ModelUndeclared', `${what}${didYouMean(name, known)} Nothing was changed`);
}

/** A section of the settings with those of its fields that the input gives. */
function overlaid<Section extends object>(section: Section, given: object): Section {
  const own = Object.entries(given).filter(([name, value]) => value !== undefined && Object.hasOwn(section, name));
  return { ...section, ...Object.fromEntries(own) };
}

/** What a plan holds where the input says nothing. */
const NOTHING_GIVEN = {
  version: null,
  dataset: null,
  params: null,
  searchTrials: [],
  found: null,
  runId: null,
  parentRunId: null,
  trigger: 'manual',
  driftReport: null,
  reason: null,
  by: null,
  lock: null,
  changeKey: null,
  onlyIfOther: false,
  force: false,
  dryRun: false,
  alert: true,
};

function hasSearch({ steps: { search, trial } }: Config): boolean {
  return search.command !== undefined || !(search.skip || trial.skip);
}

/** Attempts that a step has when its worker or process dies, unless it says otherwise. */
const ATTEMPTS = 8;
/** Nothing depends on the page about a version. */
const ATTEMPTS_OF: Partial<Record<StepName, number>> = { report: 3 };

type Worker = Pick<Config['worker'], 'slots' | 'gpus'>;

/** How many calls of a step run at once on a host, as far as its GPUs are known here. */
function atOnce({ slots, cores = 1, gpus = 0 }: StepConfig | ExtraStep, worker: Worker): number {
  const all = namedGpus(worker.gpus)?.length ?? Number.POSITIVE_INFINITY;
  const byGpus = gpus > 0 ? Math.floor(all / gpus) : worker.slots;
  return Math.max(1, Math.min(slots ?? worker.slots, Math.floor(worker.slots / cores), byGpus));
}

function limitsOf(step: StepConfig | ExtraStep, worker: Worker, usual = ATTEMPTS): StepLimits {
  const { attempts = usual, backoff, timeout, outputs, gpus } = step;
  const { file, directory, modelFile } = outputs;
  // Those that share a slot, a GPU, or a file that they write, run one after the other, and each may take its time.
  const alone = gpus || [file, directory, modelFile].some((path) => path !== undefined);
  const slotWaitSeconds = timeout * Math.max(0, Math.ceil(worker.slots / (alone ? 1 : atOnce(step, worker))) - 1);
  return { timeoutSeconds: timeout, attempts, backoffSeconds: backoff, slotWaitSeconds };
}

function extraStepsOf({ extraSteps, worker }: Config): ExtraStepPlan[] {
  return orderExtraSteps(extraSteps).map(({ step, stage, when }) => ({
    ...limitsOf(step, worker),
    name: step.name,
    stage,
    when,
  }));
}

/** An allowed loss that is asked for stands alone; otherwise the rules of the settings hold, if there are any. */
function rulesOf({ rules, maxAucLoss }: Given, { promotion, data, steps }: Config): MetricRule[] {
  const loss = maxAucLoss ?? promotion.maxAucLoss;
  // Where the task is found out, the evaluation says later what stands in for the AUC.
  const metric = data.task === 'regression' && !steps.train.command ? 'test_r2' : 'test_auc';
  const byScore: MetricRule = { metric, direction: 'higher', maxLoss: loss };
  return rules ?? (maxAucLoss === undefined ? promotion.rules : undefined) ?? [byScore];
}
