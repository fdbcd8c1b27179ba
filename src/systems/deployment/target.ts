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

/** What the gateway saw of one upstream since it was started or since the last shift of shares. */
export interface UpstreamTraffic {
  key: string;
  /** Requests that went to it and are over. */
  requests: number;
  /** Those of them that it answered with 5xx, cut off, or did not answer in time. */
  failed: number;
  /** Until its answer began (ms); null: it answered none. */
  latencyMs: { p50: number; p95: number } | null;
  /** Counts of predicted probabilities in ten equal bins of 0 to 1, over all records answered by /predict. */
  probabilities: number[];
}

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
   * serves. 1: it serves from now on, whole. 0: it gets none. Every shift begins the counts of {@link traffic} anew.
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
