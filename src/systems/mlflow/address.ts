import { decoded } from '../../config/secrets.ts';
import { MlflowError } from './errors.ts';

/** Credentials for the tracking server; empty strings count as absent. */
export interface MlflowAuth {
  /** Sent as a bearer token, unless there is a user name. */
  token?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
}

export interface Address {
  /** Scheme, host and path prefix without a slash at the end and without credentials. */
  base: string;
  /** Host and port, as the server sees them. */
  host: string;
  authorization: string | undefined;
}

/**
 * Reads `mlflow.uri`. Credentials in it (`http://user:password@host`) count like separate ones.
 *
 * @throws {MlflowError} when it is not the address of an HTTP server
 */
export function parseAddress(uri: string, auth: MlflowAuth = {}): Address {
  const url = URL.parse(uri);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new MlflowError(
      `mlflow.uri must be the address of a tracking server, such as http://127.0.0.1:5000${uri.includes('@') ? '' : `, not "${uri}"`}. ` +
        'For a local store start one: mlflow server --backend-store-uri …',
      { retryable: false },
    );
  }
  const username = auth.username || decoded(url.username);
  const password = auth.password || decoded(url.password);
  return {
    base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    host: url.host,
    authorization: authorization({ token: auth.token, username, password }),
  };
}

/** A user with a password wins over a token, and one without is none: as in MLflow's own client. */
function authorization({ token, username, password }: MlflowAuth): string | undefined {
  if (username && password) return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return token ? `Bearer ${token}` : undefined;
}
