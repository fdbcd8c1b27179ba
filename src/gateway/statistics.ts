import { createHistogram } from 'node:perf_hooks';
import type { UpstreamStatistics } from '../contracts/gateway.ts';

const BINS = 10;
/** Latencies in microseconds, to one per cent: a few thousand counters, however many requests there are. */
const LATENCIES = { lowest: 1, highest: 3_600_000_000, figures: 2 };

/** Counts of the requests to one upstream, of bounded size. */
export interface Statistics {
  /** A request is over. */
  request(outcome: { failed: boolean }): void;
  /** @param ms how long the answer took to begin */
  latency(ms: number): void;
  /** @param probability from 0 to 1 */
  probability(probability: number): void;
  view(): UpstreamStatistics;
}

export function createStatistics(): Statistics {
  const latencies = createHistogram(LATENCIES);
  const probabilities = new Array<number>(BINS).fill(0);
  let [requests, failed] = [0, 0];
  const percentile = (percent: number) => latencies.percentile(percent) / 1_000;

  return {
    request(outcome) {
      requests += 1;
      if (outcome.failed) failed += 1;
    },
    latency(ms) {
      const microseconds = Math.round(ms * 1_000);
      latencies.record(Math.min(Math.max(microseconds, LATENCIES.lowest), LATENCIES.highest));
    },
    probability(probability) {
      const bin = Math.min(Math.floor(probability * BINS), BINS - 1);
      probabilities[bin] = (probabilities[bin] ?? 0) + 1;
    },
    view: () => ({
      requests,
      failed,
      latencyMs: latencies.count > 0 ? { p50: percentile(50), p95: percentile(95) } : null,
      probabilities: [...probabilities],
    }),
  };
}
