import { orderExtraSteps } from '../config/extraSteps.ts';
import type { ExtraStep, StepConfig } from '../config/steps.ts';
import { type Config, forModel } from '../config.ts';
import {
  type Plan,
  type PlannedExtraStep,
  type PlanRequest,
  STEPS,
  type StepName,
  type StepRetry,
} from '../contracts/plan.ts';
import type { MetricRule } from '../contracts/registry.ts';
import { gateOf } from '../domain/driftGate.ts';

/** Lays the input of a workflow over the configuration of this worker. */
export function createPlanActivities({
  config: shared,
  searchAttributes,
}: {
  config: Config;
  searchAttributes: boolean;
}) {
  return {
    async resolvePlan(request: PlanRequest): Promise<Plan> {
      const config = forModel(shared, request.registeredModel ?? shared.registry.registeredModel);
      const { registry, training, data, search, promotion, approval, rollout, deployment, worker } = config;
      const { temporal, steps, monitoring, driftGate, steward } = config;
      return {
        registeredModel: registry.registeredModel,
        model: request.model ?? training.model,
        data: request.data ?? data.path,
        seed: request.seed ?? data.seed,
        // A project that has no search cannot be asked for one.
        trials: hasSearch(config) ? (request.trials ?? search.trials) : 0,
        parallel: request.parallel ?? search.parallel ?? steps.trial.slots ?? worker.slots,
        sampler: search.sampler,
        space: search.space ?? null,
        maxFailedShare: search.maxFailedShare,
        stage: request.stage ?? promotion.stage,
        policy: request.policy ?? promotion.policy,
        rules: rulesOf(request, promotion),
        requiredTags: promotion.requiredTags,
        maxAgeDays: promotion.maxAgeDays ?? null,
        stagingFirst: request.stagingFirst ?? promotion.stagingFirst,
        approval: {
          required: request.approval ?? approval.required,
          remindEverySeconds: approval.remindEvery,
          expireAfterSeconds: approval.expireAfter,
        },
        rollout: { ...rollout, strategy: request.strategy ?? rollout.strategy },
        redeploy: deployment.target !== 'none' && (request.redeploy ?? true),
        monitoring: {
          log: request.log ?? monitoring.log,
          reference: request.reference ?? monitoring.reference,
          minRows: request.minRows ?? monitoring.minRows,
          gate: gateOf(driftGate),
        },
        steward: {
          cooldownSeconds: steward.cooldown,
          backoffSeconds: steward.backoff,
          maxBackoffSeconds: steward.maxBackoff,
          maxFailures: steward.maxFailures,
          retrain: steward.retrain,
        },
        stepTimeoutSeconds: Object.fromEntries(
          STEPS.map((step) => [step, steps[step].timeout]),
        ) as Plan['stepTimeoutSeconds'],
        stepRetry: Object.fromEntries(
          STEPS.map((step) => [step, retryOf(steps[step], worker.slots, ATTEMPTS_OF[step])]),
        ),
        direction: search.direction,
        metric: search.metric,
        searchIsOneCommand: steps.search.command !== undefined,
        extraSteps: plannedExtraSteps(config),
        report: !steps.report.skip,
        notifications: config.notifications.length > 0,
        searchAttributes,
        waitingAttribute: searchAttributes,
        links: {
          temporalUi: `${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows`,
          api: deployment.apiUrl,
        },
      };
    },
  };
}

function hasSearch({ steps: { search, trial } }: Config): boolean {
  return search.command !== undefined || !(search.skip || trial.skip);
}

/** Attempts that a step has when its worker or process dies, unless it says otherwise. */
const ATTEMPTS = 8;
/** Nothing depends on the page about a version. */
const ATTEMPTS_OF: Partial<Record<StepName, number>> = { report: 3 };

function retryOf(step: StepConfig | ExtraStep, workerSlots: number, usual = ATTEMPTS): StepRetry {
  const { attempts = usual, backoff, slots = workerSlots, timeout, outputs } = step;
  const { file, directory, modelFile } = outputs;
  // Those that share a slot, or a file that they write, run one after the other, and each may take its time.
  const atOnce = [file, directory, modelFile].every((path) => path === undefined) ? slots : 1;
  const slotWaitSeconds = timeout * Math.max(0, Math.ceil(workerSlots / atOnce) - 1);
  return { attempts, backoffSeconds: backoff, slotWaitSeconds };
}

function plannedExtraSteps({ extraSteps, worker }: Config): PlannedExtraStep[] {
  return orderExtraSteps(extraSteps).map(({ step, stage, when }) => ({
    ...retryOf(step, worker.slots),
    name: step.name,
    stage,
    when,
    timeoutSeconds: step.timeout,
  }));
}

/** An allowed loss that is asked for stands alone; otherwise the rules of the configuration hold, if it has any. */
function rulesOf({ rules, maxAucLoss }: PlanRequest, promotion: Config['promotion']): MetricRule[] {
  const loss = maxAucLoss ?? promotion.maxAucLoss;
  const aucRule: MetricRule = { metric: 'test_auc', direction: 'higher', maxLoss: loss };
  return rules ?? (maxAucLoss === undefined ? promotion.rules : undefined) ?? [aucRule];
}
