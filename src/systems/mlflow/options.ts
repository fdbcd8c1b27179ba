import type { Config } from '../../config.ts';
import type { MlflowOptions } from './index.ts';

/**
 * The MLflow server of the configuration, with the time limit that it gives to a call.
 *
 * @param limitMs longest time for a call even if the configuration gives more (ms)
 */
export function mlflowOptions({ mlflow }: Pick<Config, 'mlflow'>, limitMs = Number.POSITIVE_INFINITY): MlflowOptions {
  const { uri, uiUrl, caFile, timeout, token, username, password } = mlflow;
  return { uri, uiUrl, caFile, timeoutMs: Math.min(timeout * 1000, limitMs), token, username, password };
}
