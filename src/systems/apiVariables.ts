import type { Config } from '../config.ts';
import { checkSecret } from './checkSecret.ts';
import { mlflowVariables } from './mlflow/variables.ts';
import { LOOPBACK_NAMES } from './ports.ts';

interface PinnedModel {
  model: string;
  version: string;
  /** MLflow as the API reaches it; default: as we do. */
  trackingUri?: string;
}

/** Variables that tell an API its model, with the version pinned: a later promotion does not change what it serves. */
export function modelVariables(config: Config, { model, version, trackingUri }: PinnedModel): Record<string, string> {
  return {
    MODEL_SOURCE: 'mlflow',
    ...mlflowVariables(config, trackingUri),
    MLFLOW_MODEL_NAME: model,
    MLFLOW_MODEL_STAGE: 'Production',
    MLFLOW_MODEL_VERSION: version,
  };
}

/**
 * Variables that tell the bundled API who may call it, and how a deployment check shows that it is one.
 *
 * @param names further host names by which its gateway calls it
 */
export function accessVariables(config: Config, names: readonly string[] = []) {
  const { allowedHosts } = config.deployment;
  const isPrivate = allowedHosts.length > 0 || LOOPBACK_NAMES.includes(config.stack.bind);
  return {
    API_ALLOWED_HOSTS: isPrivate ? ['localhost', ...names, ...allowedHosts].join(',') : '*',
    API_CHECK_SECRET: checkSecret(config),
  };
}
