import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import type { Check } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import { checkSecret } from '../systems/checkSecret.ts';
import type { Deployments } from '../systems/deployment/index.ts';
import { verifyCandidate } from '../systems/deployment/verify.ts';
import { type BakedImage, type BuiltImage, dockerLog, type Images } from '../systems/docker/index.ts';
import { problemsText } from '../words/findings.ts';
import { type ActivityLog, logged, type Shipper, whileHeartbeating } from './lib/step.ts';
import { preflight } from './preflight.ts';

const Records = z.union([
  z.object({ records: z.array(z.record(z.string(), z.unknown())).min(1) }),
  z.array(z.record(z.string(), z.unknown())).min(1),
]);

/** How a file that is missing or is no JSON is refused. */
async function readJsonFile(config: Config, setting: string, path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(fromRoot(config, path), 'utf8'));
  } catch (error) {
    throw failure('InvalidConfig', `${setting} "${path}" cannot be read as JSON.`, error);
  }
}

/**
 * The records of `deployment.example`; none when it is not set.
 *
 * @throws ApplicationFailure of type InvalidConfig when the file cannot be read or holds no records
 */
export async function exampleRecords(config: Config): Promise<Record<string, unknown>[]> {
  const { example } = config.deployment;
  if (!example) return [];
  const { data, error } = Records.safeParse(await readJsonFile(config, 'deployment.example', example));
  if (data) return Array.isArray(data) ? data : data.records;
  throw failure('InvalidConfig', `deployment.example "${example}" holds no {"records": [{…}]}.`, error);
}

/** What the packages of a model may take to be installed, once (ms). */
const INSTALLING_MS = 15 * 60_000;

const installs = ({ deployment }: Config) => !deployment.command && deployment.environment === 'model';

interface CandidateRequest {
  registeredModel: string;
  version: string;
  /** Names the candidate. */
  key: string;
}

/** Findings of the preflight that no second look changes. */
const REFUSALS = [
  { code: 'modelFilesChanged', type: 'ModelChanged' },
  { code: 'modelUntrusted', type: 'ModelUntrusted' },
] as const;

/** The model whose API is meant. */
interface OfModel {
  registeredModel?: string;
}

/** Starts, verifies, switches and stops model APIs, in whatever target the settings of the model name. */
export function createDeploymentActivities({ of, shipper }: Pick<Deployments, 'of'> & { shipper: Shipper }) {
  return {
    /** What answers requests now. */
    serving: ({ registeredModel }: OfModel = {}) => whileHeartbeating(() => of(registeredModel).target.serving()),

    /** Looks before anything is started whether a redeploy can work at all; what stands in its way is reported. */
    preflight: ({ registeredModel, version }: { registeredModel: string; version: string }): Promise<void> =>
      whileHeartbeating(async ({ signal }) => {
        const { config, target, mlflow } = of(registeredModel);
        const findings = await preflight({ config, mlflow, target, registeredModel, version, signal });
        const problems = problemsText(findings);
        const refusal = REFUSALS.find(({ code }) => findings.some((found) => found.code === code));
        if (problems) throw failure(refusal?.type ?? 'PreflightFailed', problems);
      }),

    /**
     * Starts an API beside the one that serves and lets it prove itself: health with the expected version, schema, a
     * real prediction, static paths. Called again with its key it finds the candidate that it started.
     */
    bringUpCandidate: ({ registeredModel, version, key }: CandidateRequest): Promise<Check[]> =>
      whileHeartbeating(async ({ signal, progress }) => {
        const { config, target, mlflow } = of(registeredModel);
        const { healthTimeout, maxPredictSeconds, staticPaths, checks: require, contract } = config.deployment;
        const request = contract?.predict.request;
        return await logged({ config, shipper, name: 'candidate' }, async (log) => {
          log.say(`starting version ${version} of ${registeredModel} as ${key}`);
          const runId = (await mlflow.getVersion(registeredModel, version, { signal }))?.runId;
          const candidate = await target.start(
            { key, model: registeredModel, version, ...(runId && { runId }) },
            signal,
          );
          log.say(`it answers at ${candidate.url}; its own log on that host: ${candidate.logFile}`);
          // Where the API runs on this host and writes its log while it runs, it is shown too.
          if (existsSync(candidate.logFile)) log.follow('api', candidate.logFile, { fromStart: true });
          const { checks } = await verifyCandidate({
            url: candidate.url,
            secret: checkSecret(config),
            model: registeredModel,
            version,
            contract,
            example: await exampleRecords(config),
            ...(request && {
              request:
                typeof request === 'string'
                  ? await readJsonFile(config, 'deployment.contract.predict.request', request)
                  : request,
            }),
            require,
            healthTimeoutMs: healthTimeout * 1000 + (installs(config) ? INSTALLING_MS : 0),
            maxPredictMs: maxPredictSeconds * 1000,
            staticPaths,
            state: () => target.state(key),
            onProgress: (what) => {
              progress(what);
              log.say(what);
            },
            signal,
          });
          for (const { name, detail, ms } of checks) log.say(`${name}: ${detail} (${ms} ms)`);
          return checks;
        });
      }),

    /** Gives the candidate this share of the requests; 1: it serves from now on, and its image may be pushed. */
    shiftTraffic: ({ registeredModel, key, share }: OfModel & { key: string; share: number }): Promise<void> =>
      whileHeartbeating(async ({ signal }) => {
        await of(registeredModel).target.shift(key, share, signal);
      }),

    /** What the APIs did with their requests since the last shift. */
    traffic: ({ registeredModel }: OfModel = {}) => whileHeartbeating(() => of(registeredModel).target.traffic()),

    /** What runs without serving: what a workflow that was killed may have left. */
    idle: ({ registeredModel }: OfModel = {}) => whileHeartbeating(() => of(registeredModel).target.idle()),

    /**
     * Stops an API that does not serve, when its open requests are done or the drain time is over. With `force` also the
     * one that serves: then nothing does, until a version is deployed.
     */
    stopIdle: ({ registeredModel, key, force = false }: OfModel & { key: string; force?: boolean }): Promise<void> =>
      whileHeartbeating(() => {
        const { target, config } = of(registeredModel);
        return target.stop(key, { drainMs: config.deployment.drain * 1000, force });
      }),
  };
}

/** Builds and pushes the images of the API. */
export function createImageActivities({ of, shipper }: Pick<Deployments, 'of'> & { shipper: Shipper }) {
  /** The images of a model, and a log that shows what docker says of them. */
  function withImages<Result>(
    registeredModel: string | undefined,
    body: (images: Images, log: ActivityLog) => Promise<Result>,
  ): Promise<Result> {
    const { config, images } = of(registeredModel);
    const folder = join(fromRoot(config, config.stack.dir), 'logs');
    return logged({ config, shipper, name: 'image' }, async (log) => {
      for (const what of ['build', 'push']) log.follow(`docker-${what}`, dockerLog(folder, what));
      return await body(images, log);
    });
  }

  return {
    /** The image without a model, `docker.image:docker.tag`; an image of the same inputs is kept unless forced. */
    buildRuntimeImage: (request: { registeredModel?: string; force?: boolean } = {}): Promise<BuiltImage> =>
      whileHeartbeating(({ signal, progress }) => {
        const { registeredModel, force = false } = request;
        return withImages(registeredModel, async (images, log) => {
          const built = await images.runtime({ force, signal, onProgress: progress });
          log.say(imageText(built));
          return built;
        });
      }),

    /** The image with a version of the model, with all its tags; an image of the same inputs is kept. */
    bakeImage: ({ registeredModel, version }: { registeredModel: string; version: string }): Promise<BakedImage> =>
      whileHeartbeating(({ signal, progress }) =>
        withImages(registeredModel, async (images, log) => {
          const baked = await images.bake(registeredModel, version, { signal, onProgress: progress });
          log.say(imageText(baked));
          await images.release(baked.reference, { signal, onProgress: progress });
          return baked;
        }),
      ),
  };
}

function imageText({ built, tag, reference, platforms }: BuiltImage): string {
  const what = built ? 'Built' : 'Nothing has changed: kept';
  return `${what} ${tag} for ${platforms.join(', ')}: ${reference}`;
}
