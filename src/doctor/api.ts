import { z } from 'zod';
import { type ApiContract, notReady, OUR_CONTRACT, type Said, saidAt, versionAt } from '../contracts/apiContract.ts';
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
    const { deployment, docker, registry } = config;
    const { target, contract } = deployment;
    // Without a gateway of ours, it is somebody else's: known by what is declared of it.
    if (target === 'none' && !contract) return [];
    const url = baseOf(deployment.apiUrl);
    const production = await servedVersion(context);
    const { health: declared, schema } = contract ?? OUR_CONTRACT;
    try {
      const [health, gateway] = await Promise.all([
        ask(url + declared.path, { signal }),
        target === 'none' ? null : askGateway(config, signal).catch(() => null),
      ]);
      const isBaked = target === 'docker' && docker.option === 'baked';
      const findings = judgeHealth(health, {
        ...{ registeredModel: registry.registeredModel, version: production, source: isBaked ? 'local' : 'mlflow' },
        ...{ contract, started: gateway?.active?.version },
      });
      if (health.status !== 200) return findings;
      const isRequired = deployment.checks.includes('schema');
      return [...findings, await examineSchema(url, schema.path, isRequired, signal)];
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
  /** Where the answer has what it says; absent: where that of the bundled API has it. */
  contract?: ApiContract | undefined;
  /** Version that the gateway says it started; absent: it was not asked, or does not answer. */
  started?: string | undefined;
}

/** Whether the answer of the health path is that of the version in Production, in the environment that is configured. */
export function judgeHealth(
  { status, body, headers = {} }: Pick<Answer, 'status' | 'body'> & Partial<Pick<Answer, 'headers'>>,
  { registeredModel, version: production, source, contract, started }: HealthExpectation,
): Finding[] {
  const { health } = contract ?? OUR_CONTRACT;
  const said = { body, headers };
  const ours = Health.safeParse(body).data;
  if (!ours && !contract) return [finding('notTheApi', { status, path: health.path })];
  // The gateway knows what it started; the API can say anything.
  const known = saidAt(said, `header:${SERVED_BY.model}`);
  const model = known === undefined ? textAt(said, health.model) : decodeURIComponent(String(known));
  const version = versionAt(said, `header:${SERVED_BY.version}`) ?? started;
  const own = versionAt(said, health.version);
  const environment = [
    { variable: 'MLFLOW_MODEL_VERSION', is: own, should: version ?? own ?? '' },
    { variable: 'MODEL_SOURCE', is: contract ? null : ours?.model_source, should: source },
    { variable: 'MLFLOW_MODEL_NAME', is: model, should: registeredModel },
    // The bundled API names no stage when its version is pinned.
    { variable: 'MLFLOW_MODEL_STAGE', is: contract ? null : ours?.model_stage, should: 'Production' },
  ].flatMap(({ variable, is, should }) =>
    is && is !== should ? [finding('apiMisconfigured', { variable, is, should })] : [],
  );
  const serves = version ?? own;
  const reason = ours?.reason ?? ours?.error ?? (status === 200 ? notReady(said, health) : null);
  if (status !== 200 || reason || !serves) {
    return [
      finding('apiWithoutModel', { status, path: health.path, reason, source, version: production }),
      ...environment,
    ];
  }
  if (environment.length > 0) return environment;
  if (production === null) return [finding('apiServesUnknown', { version: serves })];
  if (serves !== production) return [finding('apiServesOther', { version: serves, production })];
  return [finding('apiServes', { version: serves, registeredModel: model ?? registeredModel })];
}

function textAt(said: Said, place: string): string | undefined {
  const value = saidAt(said, place);
  return typeof value === 'string' ? value : undefined;
}

const FeatureSchema = z.object({ features: z.array(z.unknown()).min(1) });

async function examineSchema(url: string, path: string, isRequired: boolean, signal: AbortSignal): Promise<Finding> {
  if (path === '') return finding('schemaNotThere', {});
  try {
    const { status, body } = await ask(url + path, { signal });
    if (status === 404 && !isRequired) return finding('schemaNotThere', {});
    const schema = FeatureSchema.safeParse(body);
    if (status !== 200 || !schema.success) return finding('schemaWrong', { status, path });
    return finding('schemaDescribed', { features: schema.data.features.length, path });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return finding('schemaAway', { reason: error.message, path });
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
