import type { FailureType } from '../../contracts/errors.ts';
import type { CommandFailed } from '../processes/errors.ts';

type DockerFailure = Extract<
  FailureType,
  'DockerUnavailable' | 'PushDenied' | 'BuildFailed' | 'DeploymentFailed' | 'InvalidConfig' | 'ModelNotFound'
>;

/** The Docker daemon or an image registry did not do what was asked; `type` is the failure that it means. */
export class DockerError extends Error {
  override name = 'DockerError';
  readonly type: DockerFailure;

  constructor(type: DockerFailure, message: string, cause?: unknown) {
    super(message, { cause });
    this.type = type;
  }
}

/** HTTP status of an answer of the daemon; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : undefined;
}

/**
 * The error that a failed call of the daemon's API means. What has no answer, or one from 500 on, may work later: a
 * daemon answers 500 while it shuts down. A signal that was aborted stays an abort.
 */
export function asDockerError(what: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DockerError || error.name === 'AbortError') return error;
  const status = statusOf(error);
  const reason = (error as { json?: { message?: string } }).json?.message ?? error.message;
  if (status === undefined) return new DockerError('DockerUnavailable', `Docker cannot ${what}: ${reason}.`, error);
  const type = status >= 500 && !isPermanent(reason) ? 'DockerUnavailable' : 'DeploymentFailed';
  return new DockerError(type, `Docker refused to ${what} (${status}): ${reason}.`, error);
}

/** Docker answers 500 also to a start that can never work. */
function isPermanent(reason: string): boolean {
  return /executable file not found|no such file or directory|permission denied|invalid|port is already allocated/i.test(
    reason,
  );
}

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
