import type { Check } from '../../contracts/deployment.ts';

/** The deployment target cannot be reached, or refuses. */
export class GatewayError extends Error {
  override name = 'GatewayError';
  /** HTTP status of its answer; absent: it gave none. */
  readonly status: number | undefined;
  /** The same call may work later. */
  readonly retryable: boolean;

  constructor(message: string, options: { status?: number; retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.retryable = options.retryable;
  }
}

/** A candidate did not prove itself; traffic was not moved. */
export class VerificationFailed extends Error {
  override name = 'VerificationFailed';
  /** Name of the check that failed. */
  readonly check: string;
  /** All checks that were made, the failed one last. */
  readonly checks: Check[];
  /** End of the candidate's log, when it has exited. */
  readonly logTail: string | undefined;

  constructor(message: string, { check, checks, logTail }: { check: string; checks: Check[]; logTail?: string }) {
    super(logTail ? `${message}\nThe end of its log:\n${logTail}` : message);
    this.check = check;
    this.checks = checks;
    this.logTail = logTail;
  }
}
