import type { Config } from '../config.ts';
import type { Candidate, Check } from '../contracts/deployment.ts';
import type { DeploymentTarget } from '../systems/deployment/target.ts';
import { verifyCandidate } from '../systems/deployment/verify.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';

/** Starts, verifies, switches and stops model APIs, in whatever target the configuration names. */
export function createDeploymentActivities({ config, target }: { config: Config; target: DeploymentTarget }) {
  const { healthTimeout, maxPredictSeconds, staticPaths, drain } = config.deployment;
  return {
    /** What answers requests now. */
    serving: () => target.serving(),

    /** Starts an API beside the one that serves; called again with its key it finds the one it started. */
    startCandidate: (request: { registeredModel: string; version: string; key: string }): Promise<Candidate> =>
      whileHeartbeating(({ signal }) => target.start({ ...request, model: request.registeredModel }, signal)),

    /** Lets the candidate prove itself: health with the expected version, schema, a real prediction, static paths. */
    verifyCandidate: ({
      registeredModel,
      candidate,
    }: {
      registeredModel: string;
      candidate: Candidate;
    }): Promise<Check[]> =>
      whileHeartbeating(async ({ signal, progress }) => {
        const { checks } = await verifyCandidate({
          url: candidate.url,
          model: registeredModel,
          version: candidate.version,
          example: [],
          healthTimeoutMs: healthTimeout * 1000,
          maxPredictMs: maxPredictSeconds * 1000,
          staticPaths,
          state: () => target.state(candidate.key),
          onProgress: progress,
          signal,
        });
        return checks;
      }),

    switchTraffic: ({ key }: { key: string }) => target.switchTo(key),

    /** Stops an API that does not serve, when its open requests are done or the drain time is over. */
    stopIdle: ({ key }: { key: string }): Promise<void> =>
      whileHeartbeating(() => target.stop(key, { drainMs: drain * 1000 })),
  };
}
