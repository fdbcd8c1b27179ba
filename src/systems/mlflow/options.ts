import type { Config } from '../../config.ts';
import type { TransportOptions } from './transport.ts';

/** The MLflow server of the configuration, with the time limit that it gives to a call. */
export function mlflowOptions({ mlflow: { uri, timeout, token, username, password } }: Config): TransportOptions {
  return { uri, timeoutMs: timeout * 1000, token, username, password };
}
