import type { Config } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import type { DeploymentTarget } from '../systems/deployment/target.ts';
import { lookAtDisk } from '../systems/disk.ts';
import { type Mlflow, MlflowError } from '../systems/mlflow/index.ts';
import { lookAtModelFiles } from '../systems/mlflow/modelFiles.ts';
import { type Finding, finding } from '../words/findings.ts';

interface Preflight {
  config: Config;
  mlflow: Pick<Mlflow, 'getVersion' | 'uri'>;
  target: Pick<DeploymentTarget, 'serving'>;
  registeredModel: string;
  version: string;
  /** Gives it up; it then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * What must hold before a redeploy is worth its time: the registry answers and has the version with its files, the
 * gateway answers, and the disk has space. A problem among the findings means that the redeploy would fail later.
 *
 * @returns one finding or more of each
 * @throws {MlflowError} where MLflow refuses for good
 */
export async function preflight(request: Preflight): Promise<Finding[]> {
  const findings = await Promise.all([lookAtVersion(request), lookAtTarget(request), lookAtSpace(request)]);
  request.signal?.throwIfAborted();
  return findings.flat();
}

async function lookAtVersion({ config, mlflow, registeredModel, version, signal }: Preflight): Promise<Finding> {
  try {
    const found = await mlflow.getVersion(registeredModel, version, { signal });
    if (!found) return finding('versionUnknown', { registeredModel, version, uri: mlflow.uri });
    return await lookAtModelFiles({ config, version: found, signal });
  } catch (error) {
    signal?.throwIfAborted();
    // It would refuse the next attempt, too.
    if (error instanceof MlflowError && !error.retryable) throw error;
    const message = error instanceof MlflowError ? error.message : `MLflow at ${mlflow.uri}: ${causeText(error)}`;
    return finding('mlflowAway', { message });
  }
}

async function lookAtTarget({ config, target }: Preflight): Promise<Finding> {
  try {
    const serving = await target.serving();
    return finding('targetAnswers', { version: serving?.version ?? null });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return finding('targetAway', { message, adminUrl: config.deployment.adminUrl });
  }
}

async function lookAtSpace({ config }: Preflight): Promise<Finding[]> {
  try {
    return await lookAtDisk(config);
  } catch (error) {
    return [finding('diskUnknown', { reason: causeText(error) })];
  }
}
