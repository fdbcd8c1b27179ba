import { EventEmitter, once } from 'node:events';
import { createHistogram } from 'node:perf_hooks';
import type { Prediction } from '../contracts/apiContract.ts';
import type { UpstreamStatistics } from '../contracts/gateway.ts';
import type { DataPlane } from './dataPlane.ts';

/** One request at one upstream, from the moment that it is sent there. */
export interface Visit {
  /** The answer begins. */
  answered(): void;
  /** The upstream did not do what was asked: 5xx, cut off, too late, or not there. */
  failed(): void;
  predicted(prediction: Prediction): void;
  /** The request is no longer open there; calling twice is harmless. */
  leave(): void;
}

/** Counts the requests: of all, and those of each upstream, so that one can be judged and drained. */
export interface Traffic extends Pick<DataPlane, 'counts' | 'statistics' | 'resetStatistics' | 'forget' | 'drained'> {
  /** A request came; call what it returns once, when it is over. */
  begin(): (outcome: { failed: boolean }) => void;
  /** A request goes to the upstream. */
  enter(key: string): Visit;
}

export function createTraffic(): Traffic {
  const open = new Map<string, number>();
  const seen = new Map<string, Statistics>();
  const left = new EventEmitter();
  left.setMaxListeners(0);
  let [total, failed, inFlight] = [0, 0, 0];

  const statisticsOf = (key: string) => {
    const statistics = seen.get(key) ?? createStatistics();
    seen.set(key, statistics);
    return statistics;
  };
  const close = (key: string) => {
    const rest = (open.get(key) ?? 0) - 1;
    if (rest > 0) open.set(key, rest);
    else open.delete(key);
    if (rest === 0) left.emit(`left ${key}`);
  };

  return {
    counts: () => ({ total, failed, inFlight }),
    begin() {
      total += 1;
      inFlight += 1;
      return (outcome) => {
        inFlight -= 1;
        if (outcome.failed) failed += 1;
      };
    },
    enter(key) {
      open.set(key, (open.get(key) ?? 0) + 1);
      return visit(statisticsOf(key), () => close(key));
    },
    statistics: (key) => (seen.get(key) ?? createStatistics()).view(),
    resetStatistics: () => seen.clear(),
    forget: (key) => void seen.delete(key),
    async drained(key, limitMs) {
      const signal = AbortSignal.timeout(limitMs);
      while (open.has(key) && !signal.aborted) await once(left, `left ${key}`, { signal }).catch(() => {});
      return !open.has(key);
    },
  };
}

/** Keeps to the statistics of its beginning, so that a request from before a shift does not count after it. */
function visit(statistics: Statistics, close: () => void): Visit {
  const startedAt = performance.now();
  const state = { entered: true, answered: false, failed: false };
  const answered = () => {
    if (state.answered) return;
    state.answered = true;
    statistics.latency(performance.now() - startedAt);
  };
  return {
    answered,
    failed() {
      state.failed = true;
    },
    predicted: (prediction) => statistics.predicted(prediction),
    leave() {
      if (!state.entered) return;
      state.entered = false;
      // A client that gave up waited at least this long: an upstream that hangs is slow, also when nobody waits for it.
      if (!state.failed) answered();
      statistics.request({ failed: state.failed });
      close();
    },
  };
}

const BINS = 10;
/** Classes that are counted separately; their names come from the API. */
const MAX_CLASSES = 100;
/** Latencies in microseconds, to one per cent: a few thousand counters, however many requests there are. */
const LATENCIES = { lowest: 1, highest: 3_600_000_000, figures: 2 };

/** Counts of the requests to one upstream, of bounded size. */
interface Statistics {
  /** A request is over. */
  request(outcome: { failed: boolean }): void;
  /** @param ms how long the answer took to begin */
  latency(ms: number): void;
  predicted(prediction: Prediction): void;
  view(): UpstreamStatistics;
}

function createStatistics(): Statistics {
  const latencies = createHistogram(LATENCIES);
  const probabilities = new Array<number>(BINS).fill(0);
  const classes = new Map<string, number>();
  const numbers = createMoments();
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
    predicted(prediction) {
      if (typeof prediction === 'object') numbers.add(prediction.number);
      else if (typeof prediction === 'number') {
        const bin = Math.min(Math.floor(prediction * BINS), BINS - 1);
        probabilities[bin] = (probabilities[bin] ?? 0) + 1;
      } else if (classes.has(prediction) || classes.size < MAX_CLASSES) {
        classes.set(prediction, (classes.get(prediction) ?? 0) + 1);
      }
    },
    view: () => ({
      requests,
      failed,
      latencyMs: latencies.count > 0 ? { p50: percentile(50), p95: percentile(95) } : null,
      probabilities: [...probabilities],
      classes: Object.fromEntries(classes),
      ...(numbers.count > 0 && { numbers: numbers.view() }),
    }),
  };
}

/** Mean and standard deviation of numbers as they come (Welford, Technometrics, 1962). */
function createMoments() {
  let [count, mean, squares] = [0, 0, 0];
  return {
    get count() {
      return count;
    },
    add(value: number) {
      count += 1;
      const from = value - mean;
      mean += from / count;
      squares += from * (value - mean);
    },
    view: () => ({ count, mean, spread: count < 2 ? 0 : Math.sqrt(squares / (count - 1)) }),
  };
}
