import type { FailureType } from '../../contracts/errors.ts';

/** What a failed call to MLflow tells: whether to try again, and what MLflow or the network said. */
interface Details {
  /** HTTP status, when there was an answer. */
  status?: number | undefined;
  /**
   * MLflow's own code (`RESOURCE_DOES_NOT_EXIST`), the network's (`ECONNREFUSED`), or one of ours: `TIMEOUT`, `UNTRUSTED`
   * (a certificate), `PROXY` (it does not let us through), `HOST_REFUSED` (the host check), `EXPERIMENT_DELETED`.
   */
  code?: string | undefined;
  /** True when the same call may succeed later: no connection, no answer in time, 5xx, 429. */
  retryable: boolean;
  cause?: unknown;
}

/** Thrown by every call to MLflow that did not do what was asked. */
export class MlflowError extends Error {
  override name = 'MlflowError';
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly retryable: boolean;

  constructor(message: string, { status, code, retryable, cause }: Details) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.retryable = retryable;
  }
}

/** True when MLflow answered with this error code. */
export function hasCode(error: unknown, code: string): error is MlflowError {
  return error instanceof MlflowError && error.code === code;
}

/** True when MLflow said that what was asked for does not exist. */
export function isMissing(error: unknown): error is MlflowError {
  return hasCode(error, 'RESOURCE_DOES_NOT_EXIST');
}

/** The value, or undefined when MLflow says that there is none. */
export async function orUndefined<Value>(call: Promise<Value>): Promise<Value | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @throws {MlflowError} when the value is undefined */
export function required<Value>(value: Value | undefined, what: string): Value {
  if (value !== undefined) return value;
  throw new MlflowError(`MLflow has no ${what}.`, { code: 'RESOURCE_DOES_NOT_EXIST', retryable: false });
}

/** The failure of the contract that an error of MLflow is; `mediwatch_training/tracking.py` judges in the same way. */
export function failureTypeOf({ retryable, status, code }: MlflowError): FailureType {
  if (retryable) return 'MlflowUnavailable';
  if (code === 'UNTRUSTED') return 'MlflowUntrusted';
  if (code === 'EXPERIMENT_DELETED') return 'ExperimentDeleted';
  if (code === 'HOST_REFUSED') return 'MlflowRefused';
  if (status === 401 || status === 403 || status === 407) return 'MlflowLoginRefused';
  return status === 413 ? 'MlflowBodyTooLarge' : 'MlflowRefused';
}
