import type { Candidate, Check } from '../../contracts/deployment.ts';
import type { UpstreamStatistics } from '../../contracts/gateway.ts';

/** What is to be started beside the API that serves. */
interface CandidateRequest {
  /** Name of the process or container, chosen by the caller; the same key is the same one. */
  key: string;
  /** Registered model. */
  model: string;
  version: string;
  /** MLflow run that made the version. */
  runId?: string;
}

export interface CandidateState {
  state: 'starting' | 'running' | 'exited' | 'absent';
  /** Why it is not running, as text. */
  reason?: string;
  exitCode?: number;
  /** End of its log, once it has exited (at most 4,000 characters). */
  logTail?: string;
}

type UpstreamTraffic = UpstreamStatistics & { key: string };

export interface StopOptions {
  /** How long open requests may go on (ms). */
  drainMs: number;
  /** Also stops the one that serves; default: false. */
  force?: boolean;
}

/**
 * Where the API runs, and how traffic moves from one version to the next. Each method may be called again after a
 * call whose answer was lost.
 *
 * All methods throw {@link GatewayError} when the target cannot be reached or refuses.
 */
export interface DeploymentTarget {
  /** What answers requests now; in a split, the one that did before it. Null: nothing. */
  serving(): Promise<{ key: string; model: string; version: string } | null>;
  /** Starts an API beside the one that serves, or finds the one that has the key. */
  start(request: CandidateRequest, signal?: AbortSignal): Promise<Candidate & { model: string }>;
  state(key: string): Promise<CandidateState>;
  /**
   * Sends this share of new requests (0 to 1) to the candidate, which must be running, and the rest to the one that
   * serves. 1: it serves from now on, whole. 0: it gets none. Every shift resets the counts of {@link traffic}.
   *
   * @param signal gives up what follows once the traffic has moved, such as a push to a slow registry
   */
  shift(key: string, share: number, signal?: AbortSignal): Promise<{ previous: string | null }>;
  /** What the gateway saw of each upstream since it was started or since the last shift of shares. */
  traffic(): Promise<UpstreamTraffic[]>;
  /** Keys of all that runs without serving, also those with a share of a split: what a killed workflow may have left. */
  idle(): Promise<string[]>;
  /**
   * Stops one that does not serve, when its open requests are done or after `drainMs`; absent is fine. With `force` also
   * the one that serves: then nothing does, also after a restart of the gateway.
   */
  stop(key: string, options: StopOptions): Promise<void>;
  /** Lets go of connections; what runs goes on. */
  close(): Promise<void>;
}

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
