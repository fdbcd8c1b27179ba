import type { Config } from '../config.ts';
import { checkSecret } from './checkSecret.ts';
import { LOOPBACK_NAMES } from './ports.ts';

interface PinnedModel {
  model: string;
  version: string;
  /** MLflow as the API reaches it; default: as we do. */
  trackingUri?: string;
}

/** How a process logs in to MLflow, and whom it trusts: its client takes credentials from variables only. */
export function mlflowLogin({ caFile, token, username, password }: Config['mlflow']): Record<string, string> {
  return {
    ...(caFile && { MLFLOW_TRACKING_SERVER_CERT_PATH: caFile }),
    ...(token && { MLFLOW_TRACKING_TOKEN: token }),
    ...(username && { MLFLOW_TRACKING_USERNAME: username }),
    ...(password && { MLFLOW_TRACKING_PASSWORD: password }),
  };
}

/** Variables that tell an API its model, with the version pinned: a later promotion does not change what it serves. */
export function modelVariables({ mlflow }: Config, { model, version, trackingUri = mlflow.uri }: PinnedModel) {
  return {
    MODEL_SOURCE: 'mlflow',
    MLFLOW_TRACKING_URI: trackingUri,
    ...mlflowLogin(mlflow),
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
