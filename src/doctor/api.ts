import { z } from 'zod';
import { type Finding, finding } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';
import { ask, baseOf, NoAnswer } from './http.ts';
import type { Check } from './run.ts';

/** The part of the gateway's status that is looked at. */
const GatewayStatus = z.object({ active: z.object({ key: z.string(), version: z.string() }).nullable() });

/** The gateway that moves the API's traffic answers. */
export const gatewayCheck: Check = {
  name: 'Gateway',
  async run({ config, signal }) {
    const { target, adminUrl } = config.deployment;
    if (target === 'none') return [];
    try {
      const { status, body } = await ask(`${baseOf(adminUrl)}/status`, { signal });
      const state = GatewayStatus.safeParse(body);
      if (status !== 200 || !state.success) return [finding('notTheGateway', { adminUrl, status })];
      return [finding('gatewayAnswers', { adminUrl, version: state.data.active?.version ?? null })];
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
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
    const production = await productionOf(context);
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
async function productionOf({ versions }: DoctorContext): Promise<string | null> {
  const found = await versions().catch(() => []);
  return found.find(({ stage }) => stage === 'Production')?.version ?? null;
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
  { status, body }: { status: number; body: unknown },
  { registeredModel, version, source }: HealthExpectation,
): Finding[] {
  const health = Health.safeParse(body).data;
  if (!health) return [finding('notTheApi', { status })];
  const environment = [
    { variable: 'MODEL_SOURCE', is: health.model_source, should: source },
    { variable: 'MLFLOW_MODEL_NAME', is: health.model_name, should: registeredModel },
    // The bundled API names no stage when its version is pinned.
    { variable: 'MLFLOW_MODEL_STAGE', is: health.model_stage, should: 'Production' },
  ].flatMap(({ variable, is, should }) =>
    is && is !== should ? [finding('apiMisconfigured', { variable, is, should })] : [],
  );
  const { model_version: serves, reason, error } = health;
  if (status !== 200 || !serves) {
    return [finding('apiWithoutModel', { status, reason: reason ?? error ?? null, source, version }), ...environment];
  }
  if (environment.length > 0) return environment;
  if (version === null) return [finding('apiServesUnknown', { version: serves })];
  if (serves !== version) return [finding('apiServesOther', { version: serves, production: version })];
  return [finding('apiServes', { version: serves, registeredModel: health.model_name ?? registeredModel })];
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
