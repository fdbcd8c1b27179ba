import { proxyFor } from '../../config/network.ts';
import type { Config } from '../../config.ts';
import { authoritiesOf } from './authorities.ts';
import type { MlflowOptions } from './index.ts';

type Connected = Pick<Config, 'mlflow' | 'network'>;

/**
 * The MLflow server of the configuration, with the time limit that it gives to a call.
 *
 * @param limitMs longest time for a call even if the configuration gives more (ms)
 */
export function mlflowOptions({ mlflow, network }: Connected, limitMs = Number.POSITIVE_INFINITY): MlflowOptions {
  const { uri, uiUrl, timeout, token, username, password, clientCertFile, insecureTls } = mlflow;
  return {
    ...{ uri, uiUrl, token, username, password, clientCertFile, insecureTls },
    authorities: authoritiesOf({ mlflow, network }),
    proxy: proxyFor(uri, network),
    timeoutMs: Math.min(timeout * 1000, limitMs),
  };
}
