import { z } from 'zod';
import { type Finding, ok, problem, warning } from '../finding.ts';

const Health = z.object({
  model_name: z.string().nullish(),
  model_version: z.coerce.string().nullish(),
  model_source: z.string().nullish(),
  model_stage: z.string().nullish(),
  reason: z.string().nullish(),
  error: z.string().nullish(),
});

export interface HealthExpectation {
  registeredModel: string;
  /** Version in Production; null when there is none or it is not known. */
  version: string | null;
  /** What MODEL_SOURCE should be. */
  source: 'mlflow' | 'local';
}

const REDEPLOY = 'mediwatch redeploy';

/** Whether the answer of `/health` is that of the version in Production, in the environment that is configured. */
export function judgeHealth(
  { status, body }: { status: number; body: unknown },
  { registeredModel, version, source }: HealthExpectation,
): Finding[] {
  const health = Health.safeParse(body).data;
  if (!health)
    return [problem(`/health answers ${status} with something that is not the API's`, 'check deployment.apiUrl')];
  const environment = judgeEnvironment(health, { registeredModel, source });
  const { model_version: serves, reason, error } = health;
  if (status !== 200 || !serves) {
    const why = reason ?? error ?? `/health answers ${status}`;
    return [problem(`it has no model: ${why}`, source === 'local' ? REDEPLOY : whatLoads(version)), ...environment];
  }
  if (environment.length > 0) return environment;
  if (version === null)
    return [warning(`it serves version ${serves}, but Production is empty or unknown`, 'mediwatch status')];
  if (serves !== version) {
    return [problem(`it serves version ${serves}, but version ${version} is in Production`, REDEPLOY)];
  }
  return [ok(`serves version ${serves} of ${health.model_name ?? registeredModel}, which is in Production`)];
}

/** Differences between the environment that the API tells of and the configured one. */
function judgeEnvironment(
  { model_source, model_name, model_stage }: z.infer<typeof Health>,
  { registeredModel, source }: Pick<HealthExpectation, 'registeredModel' | 'source'>,
): Finding[] {
  const differs = (variable: string, is: string, should: string) =>
    problem(`its ${variable} is "${is}", but should be "${should}"`, `${REDEPLOY}, which sets ${variable}`);
  return [
    ...(model_source && model_source !== source ? [differs('MODEL_SOURCE', model_source, source)] : []),
    ...(model_name && model_name !== registeredModel
      ? [differs('MLFLOW_MODEL_NAME', model_name, registeredModel)]
      : []),
    // The bundled API names no stage when its version is pinned.
    ...(model_stage && model_stage !== 'Production' ? [differs('MLFLOW_MODEL_STAGE', model_stage, 'Production')] : []),
  ];
}

function whatLoads(version: string | null): string {
  return version === null
    ? 'put a version into Production: mediwatch promote'
    : `${REDEPLOY}, once the reason is mended`;
}
