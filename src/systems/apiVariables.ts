import type { Config } from '../config.ts';

interface PinnedModel {
  model: string;
  version: string;
  /** MLflow as the API reaches it; default: as we do. */
  trackingUri?: string;
}

/** Variables that tell an API its model, with the version pinned: a later promotion does not change what it serves. */
export function modelVariables({ mlflow }: Config, { model, version, trackingUri = mlflow.uri }: PinnedModel) {
  const { token, username, password } = mlflow;
  return {
    MODEL_SOURCE: 'mlflow',
    MLFLOW_TRACKING_URI: trackingUri,
    ...(token && { MLFLOW_TRACKING_TOKEN: token }),
    ...(username && { MLFLOW_TRACKING_USERNAME: username }),
    ...(password && { MLFLOW_TRACKING_PASSWORD: password }),
    MLFLOW_MODEL_NAME: model,
    MLFLOW_MODEL_STAGE: 'Production',
    MLFLOW_MODEL_VERSION: version,
  };
}
