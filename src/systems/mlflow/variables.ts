import { proxyFor, proxyVariables } from '../../config/network.ts';
import type { Config } from '../../config.ts';
import { authoritiesFile } from './authorities.ts';

/**
 * How a child reaches MLflow, as we do: address, login, certificates, proxy and patience. Its clients take all of it from
 * variables only.
 *
 * @param uri MLflow as the child reaches it
 * @throws {MlflowError} when certificates cannot be read
 */
export function mlflowVariables(config: Config, uri: string = config.mlflow.uri): Record<string, string> {
  const { timeout, token, username, password, clientCertFile, insecureTls } = config.mlflow;
  const isSecure = uri.startsWith('https:');
  // MLflow's client refuses to be given both.
  const authorities = isSecure && !insecureTls ? authoritiesFile(config) : undefined;
  const direct = proxyFor(config.mlflow.uri, config.network) === undefined ? [config.mlflow.uri, uri] : [];
  return {
    MLFLOW_TRACKING_URI: uri,
    MLFLOW_HTTP_REQUEST_TIMEOUT: String(Math.ceil(timeout)),
    ...(authorities && { MLFLOW_TRACKING_SERVER_CERT_PATH: authorities }),
    ...(insecureTls && { MLFLOW_TRACKING_INSECURE_TLS: 'true' }),
    ...(isSecure && clientCertFile && { MLFLOW_TRACKING_CLIENT_CERT_PATH: clientCertFile }),
    ...(token && { MLFLOW_TRACKING_TOKEN: token }),
    ...(username && { MLFLOW_TRACKING_USERNAME: username }),
    ...(password && { MLFLOW_TRACKING_PASSWORD: password }),
    ...proxyVariables(config.network, direct),
  };
}

/** Files that these variables name, which a container needs at the same path. */
export function mlflowFiles(variables: Readonly<Record<string, string | undefined>>): string[] {
  const { MLFLOW_TRACKING_SERVER_CERT_PATH: authorities, MLFLOW_TRACKING_CLIENT_CERT_PATH: certificate } = variables;
  return [authorities, certificate].filter((file) => file !== undefined);
}
