import type { Config } from '../config.ts';
import type { DeploymentTarget } from '../systems/deployment/target.ts';
import { type Mlflow, MlflowError } from '../systems/mlflow/index.ts';
import { examineDisk } from './checks/disk.ts';
import { type Finding, ok, problem } from './finding.ts';
import { examineModelFiles } from './lib/modelFiles.ts';
import { inWords } from './lib/words.ts';

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
 * What must be so before a redeploy is worth its time: the registry answers and has the version with its files, the
 * gateway answers, and the disk has space. A problem among the findings means that the redeploy would fail later.
 *
 * @returns one finding or more of each; it does not throw for what it looks at
 */
export async function preflight(request: Preflight): Promise<Finding[]> {
  const findings = await Promise.all([examineVersion(request), examineTarget(request), disk(request)]);
  request.signal?.throwIfAborted();
  return findings.flat();
}

async function examineVersion({ config, mlflow, registeredModel, version, signal }: Preflight): Promise<Finding> {
  try {
    const found = await mlflow.getVersion(registeredModel, version, { signal });
    if (found) return await examineModelFiles({ config, version: found, signal });
    return problem(
      `${registeredModel} has no version ${version} at ${mlflow.uri}`,
      'name one that "mediwatch status" lists',
    );
  } catch (error) {
    signal?.throwIfAborted();
    const text = error instanceof MlflowError ? error.message : `MLflow at ${mlflow.uri}: ${inWords(error)}`;
    return problem(text, 'check that MLflow runs at the address in mlflow.uri');
  }
}

async function examineTarget({ config, target }: Preflight): Promise<Finding> {
  try {
    const serving = await target.serving();
    return ok(serving ? `version ${serving.version} serves now` : 'nothing serves now');
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return problem(text, `start the gateway, or correct deployment.adminUrl (${config.deployment.adminUrl})`);
  }
}

async function disk({ config }: Preflight): Promise<Finding[]> {
  try {
    return await examineDisk(config);
  } catch (error) {
    return [problem(`the disk cannot be asked for its space: ${inWords(error)}`, 'correct stack.dir')];
  }
}
