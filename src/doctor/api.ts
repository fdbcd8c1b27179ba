import { z } from 'zod';
import { SERVED_BY } from '../contracts/gateway.ts';
import { productionOf } from '../domain/registryMoves.ts';
import { GatewayError } from '../systems/deployment/target.ts';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { askGateway } from './gateway.ts';
import { type Answer, ask, baseOf, NoAnswer } from './http.ts';
import type { Check } from './run.ts';

/** The gateway that moves the API's traffic answers. */
export const gatewayCheck: Check = {
  name: 'Gateway',
  async run({ config, signal }) {
    const { target, adminUrl } = config.deployment;
    if (target === 'none') return [];
    try {
      const { active } = await askGateway(config, signal);
      return [finding('gatewayAnswers', { adminUrl, version: active?.version ?? null })];
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return [finding('gatewayAway', { adminUrl, reason: error.message })];
    }
  },
};

/** The API serves the version in Production, in the configured environment, and describes what it takes. */
export const apiCheck: Check = {
  name: 'API',
  async run(context) {
    const { config, signal } = context;
    if (config.deployment.target === 'none') return [];
    const url = baseOf(config.deployment.apiUrl);
    const production = await servedVersion(context);
    try {
      const health = await ask(`${url}/health`, { signal });
      const isBaked = config.deployment.target === 'docker' && config.docker.option === 'baked';
      const findings = judgeHealth(health, {
        registeredModel: config.registry.registeredModel,
        version: production,
        source: isBaked ? 'local' : 'mlflow',
      });
      return health.status === 200 ? [...findings, await examineSchema(url, signal)] : findings;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return [finding('apiAway', { url, reason: error.message })];
    }
  },
};

/** Null when MLflow does not answer, which its own check reports. */
async function servedVersion({ versions }: DoctorContext): Promise<string | null> {
  const found = await versions().catch(() => []);
  return productionOf(found)?.version ?? null;
}

const Health = z.object({
  model_name: z.string().nullish(),
  model_version: z.coerce.string().nullish(),
  model_source: z.string().nullish(),
  model_stage: z.string().nullish(),
  reason: z.string().nullish(),
  error: z.string().nullish(),
});

interface HealthExpectation {
  registeredModel: string;
  /** Version in Production; null when there is none or it is not known. */
  version: string | null;
  /** What MODEL_SOURCE should be. */
  source: 'mlflow' | 'local';
}

/** Whether the answer of `/health` is that of the version in Production, in the environment that is configured. */
export function judgeHealth(
  { status, body, headers = {} }: Pick<Answer, 'status' | 'body'> & Partial<Pick<Answer, 'headers'>>,
  { registeredModel, version: production, source }: HealthExpectation,
): Finding[] {
  const health = Health.safeParse(body).data;
  if (!health) return [finding('notTheApi', { status })];
  // The gateway knows what it started; the API can say anything.
  const known = headers[SERVED_BY.model]?.toString();
  const model = known === undefined ? health.model_name : decodeURIComponent(known);
  const version = headers[SERVED_BY.version]?.toString();
  const environment = [
    { variable: 'MLFLOW_MODEL_VERSION', is: health.model_version, should: version ?? health.model_version ?? '' },
    { variable: 'MODEL_SOURCE', is: health.model_source, should: source },
    { variable: 'MLFLOW_MODEL_NAME', is: model, should: registeredModel },
    // The bundled API names no stage when its version is pinned.
    { variable: 'MLFLOW_MODEL_STAGE', is: health.model_stage, should: 'Production' },
  ].flatMap(({ variable, is, should }) =>
    is && is !== should ? [finding('apiMisconfigured', { variable, is, should })] : [],
  );
  const { reason, error } = health;
  const serves = version ?? health.model_version;
  if (status !== 200 || !serves) {
    return [
      finding('apiWithoutModel', { status, reason: reason ?? error ?? null, source, version: production }),
      ...environment,
    ];
  }
  if (environment.length > 0) return environment;
  if (production === null) return [finding('apiServesUnknown', { version: serves })];
  if (serves !== production) return [finding('apiServesOther', { version: serves, production })];
  return [finding('apiServes', { version: serves, registeredModel: model ?? registeredModel })];
}

const FeatureSchema = z.object({ features: z.array(z.unknown()).min(1) });

async function examineSchema(url: string, signal: AbortSignal): Promise<Finding> {
  try {
    const { status, body } = await ask(`${url}/schema`, { signal });
    const schema = FeatureSchema.safeParse(body);
    if (status !== 200 || !schema.success) return finding('schemaWrong', { status });
    return finding('schemaDescribed', { features: schema.data.features.length });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return finding('schemaAway', { reason: error.message });
  }
}

/** The API's static paths answer. */
export const staticFilesCheck: Check = {
  name: 'Static files',
  async run({ config, signal }) {
    const { target, apiUrl, staticPaths } = config.deployment;
    if (target === 'none' || staticPaths.length === 0) return [];
    const urls = staticPaths.map((path) => `${baseOf(apiUrl)}/${path.replace(/^\/+/, '')}`);
    const wrong = (await Promise.all(urls.map((url) => examinePath(url, signal)))).flat();
    return wrong.length > 0 ? wrong : [finding('staticPathsServed', { count: staticPaths.length })];
  },
};

async function examinePath(url: string, signal: AbortSignal): Promise<Finding[]> {
  try {
    const { status } = await ask(url, { signal });
    return judgeStaticPath(url, status);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return [finding('staticPathUnchecked', { url })];
  }
}

export function judgeStaticPath(url: string, status: number): Finding[] {
  if (status === 200) return [];
  return [status === 404 ? finding('staticPathMissing', { url }) : finding('staticPathWrong', { url, status })];
}
