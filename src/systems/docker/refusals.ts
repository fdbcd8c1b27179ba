import type { CommandFailed } from '../processes/errors.ts';
import { DockerError } from './errors.ts';

/** What registries (Docker Hub, ghcr.io, ECR, distribution) and the daemon say, by what it means. */
const DENIED =
  /\bdenied\b|unauthorized|authentication required|no basic auth credentials|insufficient[_ ]scope|403 Forbidden|may not write/i;
const DAEMON_AWAY =
  /cannot connect to the docker daemon|is the docker daemon running|error during connect|unexpected EOF/i;
const NETWORK =
  /connection refused|no such host|i\/o timeout|TLS handshake timeout|context deadline exceeded|net\/http|server gave HTTP response|received unexpected HTTP status: 5\d\d|network is unreachable|connection reset|toomanyrequests/i;

/** The error that a failed docker command means. */
export function explain({ what, image, error }: { what: string; image: string; error: CommandFailed }): DockerError {
  const { tail } = error;
  const told = `docker ${what} of ${image} failed: ${lastLines(tail)} (its log: ${error.logFile}).`;
  if (DAEMON_AWAY.test(tail)) return new DockerError('DockerUnavailable', told, error);
  // A base image that may not be pulled is a failed build; only buildx pushes within one.
  if (what === 'build' && !/failed to push/i.test(tail)) return new DockerError('BuildFailed', told, error);
  if (DENIED.test(tail)) return new DockerError('PushDenied', told, error);
  if (NETWORK.test(tail)) return new DockerError('DockerUnavailable', told, error);
  return new DockerError('DeploymentFailed', told, error);
}

interface Denied {
  what: 'push' | 'pull' | 'build';
  registry: string;
  image: string;
  /** User name of the login; empty: docker's own credentials were used. */
  login: string;
}

/** The error of a denied push or pull, with what is missing. */
export function deniedFor(error: DockerError, { what, registry, image, login }: Denied): DockerError {
  const access = what === 'pull' ? 'read' : 'write';
  const permission = registry === 'ghcr.io' ? `a token with the permission ${access}:packages` : `${access} access`;
  const who = login
    ? `as ${login} (docker.username, docker.passwordFile)`
    : `with what "docker login ${registry}" has stored on this host, if anything`;
  return new DockerError(
    what === 'pull' ? 'DeploymentFailed' : 'PushDenied',
    `${registry} denied ${access} access to ${image}. The login was made ${who}; what is missing is a valid login, or ${permission} to ${image}. ${error.message}`,
    error,
  );
}

function lastLines(tail: string): string {
  return tail.trim().split('\n').slice(-3).join(' ').slice(-600);
}
