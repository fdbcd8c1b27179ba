import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import type { Check } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import { problemsInWords } from '../doctor/finding.ts';
import { preflight } from '../doctor/preflight.ts';
import type { DeploymentTarget } from '../systems/deployment/target.ts';
import { verifyCandidate } from '../systems/deployment/verify.ts';
import type { Mlflow } from '../systems/mlflow/index.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';

const Records = z.union([
  z.object({ records: z.array(z.record(z.string(), z.unknown())).min(1) }),
  z.array(z.record(z.string(), z.unknown())).min(1),
]);

/**
 * The records of `deployment.example`; none when it is not set.
 *
 * @throws ApplicationFailure of type InvalidConfig when the file cannot be read or holds no records
 */
async function exampleRecords(config: Config): Promise<Record<string, unknown>[]> {
  const { example } = config.deployment;
  if (!example) return [];
  try {
    const read = Records.parse(JSON.parse(await readFile(fromRoot(config, example), 'utf8')));
    return Array.isArray(read) ? read : read.records;
  } catch (error) {
    throw failure('InvalidConfig', `deployment.example "${example}" holds no {"records": [{…}]}.`, error);
  }
}

interface CandidateRequest {
  registeredModel: string;
  version: string;
  /** Names the candidate. */
  key: string;
}

interface DeploymentSystems {
  config: Config;
  target: DeploymentTarget;
  mlflow: Mlflow;
}

/** Starts, verifies, switches and stops model APIs, in whatever target the configuration names. */
export function createDeploymentActivities({ config, target, mlflow }: DeploymentSystems) {
  const { healthTimeout, maxPredictSeconds, staticPaths, checks: require, drain } = config.deployment;
  return {
    /** What answers requests now. */
    serving: () => target.serving(),

    /** Looks before anything is started whether a redeploy can work at all; what stands in its way is told in words. */
    preflight: ({ registeredModel, version }: { registeredModel: string; version: string }): Promise<void> =>
      whileHeartbeating(async ({ signal }) => {
        const problems = problemsInWords(await preflight({ config, mlflow, target, registeredModel, version, signal }));
        if (problems) throw failure('PreflightFailed', problems);
      }),

    /**
     * Starts an API beside the one that serves and lets it prove itself: health with the expected version, schema, a
     * real prediction, static paths. Called again with its key it finds the candidate that it started.
     */
    bringUpCandidate: ({ registeredModel, version, key }: CandidateRequest): Promise<Check[]> =>
      whileHeartbeating(async ({ signal, progress }) => {
        const candidate = await target.start({ key, model: registeredModel, version }, signal);
        const { checks } = await verifyCandidate({
          url: candidate.url,
          model: registeredModel,
          version,
          example: await exampleRecords(config),
          require,
          healthTimeoutMs: healthTimeout * 1000,
          maxPredictMs: maxPredictSeconds * 1000,
          staticPaths,
          state: () => target.state(key),
          onProgress: progress,
          signal,
        });
        return checks;
      }),

    /** Gives the candidate this share of the requests; 1: it serves from now on. */
    shiftTraffic: async ({ key, share }: { key: string; share: number }): Promise<void> => {
      await target.shift(key, share);
    },

    /** What the APIs did with their requests since the last shift. */
    traffic: () => target.traffic(),

    /** What runs without serving: what a workflow that was killed may have left. */
    idle: () => target.idle(),

    /** Stops an API that does not serve, when its open requests are done or the drain time is over. */
    stopIdle: ({ key }: { key: string }): Promise<void> =>
      whileHeartbeating(() => target.stop(key, { drainMs: drain * 1000 })),
  };
}
