import type { Candidate } from '../../contracts/deployment.ts';

/** What is to be started beside the API that serves. */
export interface CandidateRequest {
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
  /** Why it is not running, in words. */
  reason?: string;
  exitCode?: number;
  /** End of its log, once it has exited (at most 4,000 characters). */
  logTail?: string;
}

/**
 * Where the API runs, and how traffic moves from one version to the next. Each method may be called again after a
 * call whose answer was lost.
 *
 * All methods throw {@link GatewayError} when the target cannot be reached or refuses.
 */
export interface DeploymentTarget {
  /** What answers requests now; null: nothing. */
  serving(): Promise<{ key: string; model: string; version: string } | null>;
  /** Starts an API beside the one that serves, or finds the one that has the key. */
  start(request: CandidateRequest, signal?: AbortSignal): Promise<Candidate & { model: string }>;
  state(key: string): Promise<CandidateState>;
  /** Sends new requests to the candidate; it must be running. */
  switchTo(key: string): Promise<{ previous: string | null }>;
  /** Stops one that does not serve, when its open requests are done or after `drainMs`; absent is fine. */
  stop(key: string, options: { drainMs: number }): Promise<void>;
  /** Lets go of connections; what runs goes on. */
  close(): Promise<void>;
}
