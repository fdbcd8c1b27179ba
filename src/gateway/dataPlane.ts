import type { UpstreamStatistics } from '../contracts/gateway.ts';

/**
 * What moves the bytes of requests. The rest of the gateway decides shares, starts, verifies and ends processes, and
 * knows of requests only this.
 */
export interface DataPlane {
  /** @returns the URL on which it answers */
  listen(host: string, port: number): Promise<string>;
  /** New requests go by these routes from now on; before the first call there is nowhere to go. */
  route(routes: Routes): void;
  counts(): { total: number; failed: number; inFlight: number };
  /** What was seen of the upstream since it was first asked, or since the last `resetStatistics`. */
  statistics(key: string): UpstreamStatistics;
  /** Resets the statistics of all upstreams; requests that are open now are in none. */
  resetStatistics(): void;
  /** Drops the statistics of an upstream that is gone. */
  forget(key: string): void;
  /** Resolves with true when no request is open at the upstream, with false after the limit (ms). */
  drained(key: string, limitMs: number): Promise<boolean>;
  /** Finishes open requests; those that are open after the limit (ms) are cut off. */
  close(limitMs: number): Promise<void>;
}

/** Who gets new requests: the active upstream, and a candidate with its share beside it. Each stands in for the other. */
export interface Routes {
  active: Destination | null;
  candidate: (Destination & { share: number }) | null;
}

export interface Destination {
  key: string;
  model: string;
  version: string;
  /** Base URL, or why it cannot be sent requests now. */
  at: string | Unavailable;
}

/** Nobody can answer: why, and what to do. */
export interface Unavailable {
  error: string;
  next: string;
}
