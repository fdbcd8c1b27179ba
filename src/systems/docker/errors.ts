import type { FailureType } from '../../contracts/errors.ts';

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
