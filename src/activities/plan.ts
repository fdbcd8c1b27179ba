import type { Config } from '../config.ts';
import { type Plan, type PlanRequest, STEPS } from '../contracts/plan.ts';

/** Lays the input of a workflow over the configuration of this worker. */
export function createPlanActivities({ config, searchAttributes }: { config: Config; searchAttributes: boolean }) {
  return {
    async resolvePlan(request: PlanRequest): Promise<Plan> {
      const { registry, training, data, search, promotion, deployment, worker, temporal, mlflow, steps } = config;
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
        maxAucLoss: request.maxAucLoss ?? promotion.maxAucLoss,
        redeploy: deployment.target !== 'none' && (request.redeploy ?? true),
        stepTimeoutSeconds: Object.fromEntries(
          STEPS.map((step) => [step, steps[step].timeout]),
        ) as Plan['stepTimeoutSeconds'],
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
