import type { Config } from '../config.ts';
import type { Check } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import { problemsInWords } from '../doctor/finding.ts';
import { preflight } from '../doctor/preflight.ts';
import type { DeploymentTarget } from '../systems/deployment/target.ts';
import { verifyCandidate } from '../systems/deployment/verify.ts';
import type { Mlflow } from '../systems/mlflow/index.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';

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
  const { healthTimeout, maxPredictSeconds, staticPaths, drain } = config.deployment;
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
          example: [],
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
