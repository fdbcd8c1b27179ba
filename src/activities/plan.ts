import type { Config } from '../config.ts';
import { type Plan, type PlanRequest, STEPS } from '../contracts/plan.ts';
import type { MetricRule } from '../contracts/registry.ts';
import { gateOf } from '../policy/driftGate.ts';

/** Lays the input of a workflow over the configuration of this worker. */
export function createPlanActivities({ config, searchAttributes }: { config: Config; searchAttributes: boolean }) {
  return {
    async resolvePlan(request: PlanRequest): Promise<Plan> {
      const { registry, training, data, search, promotion, approval, rollout, deployment, worker } = config;
      const { temporal, mlflow, steps, monitoring, driftGate, steward } = config;
      return {
        registeredModel: request.registeredModel ?? registry.registeredModel,
        model: request.model ?? training.model,
        data: request.data ?? data.path,
        seed: request.seed ?? data.seed,
        trials: request.trials ?? search.trials,
        parallel: request.parallel ?? search.parallel ?? worker.slots,
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
        notifications: config.notifications.length > 0,
        searchAttributes,
        links: {
          temporalUi: `${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows`,
          mlflow: mlflow.uri,
          api: deployment.apiUrl,
        },
      };
    },
  };
}

/** An allowed loss that is asked for stands alone; otherwise the rules of the configuration hold, if it has any. */
function rulesOf({ rules, maxAucLoss }: PlanRequest, promotion: Config['promotion']): MetricRule[] {
  const loss = maxAucLoss ?? promotion.maxAucLoss;
  const aucRule: MetricRule = { metric: 'test_auc', direction: 'higher', maxLoss: loss };
  return rules ?? (maxAucLoss === undefined ? promotion.rules : undefined) ?? [aucRule];
}
