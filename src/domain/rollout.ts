import type { RolloutSettings } from '../contracts/options.ts';
import type { Breach, MeanAndSpread } from '../contracts/verdicts.ts';

/** What one API did with its requests in a step. */
export interface Traffic {
  requests: number;
  failed: number;
  latencyMs: { p50: number; p95: number } | null;
  /** Counts of the predicted probabilities in equal bins from 0 to 1. */
  probabilities: number[];
  /** How often each of several classes was predicted. */
  classes?: Record<string, number> | undefined;
  /** Of a regression. */
  numbers?: (MeanAndSpread & { count: number }) | undefined;
}

/** The shares of the requests that the candidate gets, step by step; the last is 1. */
export function rolloutShares({ strategy, share }: Pick<RolloutSettings, 'strategy' | 'share'>): number[] {
  if (strategy === 'atOnce') return [1];
  if (strategy === 'canary') return [share, 1];
  const steps = Math.ceil(1 / share - 1e-9);
  return Array.from({ length: steps }, (_, index) => Math.min(1, Number(((index + 1) * share).toFixed(6))));
}

/** Latencies this close to nothing differ by noise alone (ms). */
const LATENCY_FLOOR_MS = 20;

/**
 * Judges a step by what the two APIs did in it.
 *
 * @returns why traffic must move back; null: it may go on
 */
export function findBreach(rollout: RolloutSettings, candidate: Traffic, incumbent: Traffic): Breach | null {
  const { requests } = candidate;
  if (requests < Math.max(rollout.minRequests, 1)) return null;
  const rates = { candidate: errorRate(candidate), incumbent: errorRate(incumbent) };
  if (rates.candidate - rates.incumbent > rollout.maxErrorRate) return { code: 'errorRate', requests, ...rates };
  if (candidate.latencyMs && incumbent.latencyMs) {
    const allowedMs = rollout.maxLatencyRatio * Math.max(incumbent.latencyMs.p95, LATENCY_FLOOR_MS);
    const p95Ms = candidate.latencyMs.p95;
    if (p95Ms > allowedMs) return { code: 'latency', p95Ms, allowedMs };
  }
  const names = [...new Set([...Object.keys(incumbent.classes ?? {}), ...Object.keys(candidate.classes ?? {})])];
  const byClass = ({ classes = {} }: Traffic) => names.map((name) => classes[name] ?? 0);
  for (const histogram of [({ probabilities }: Traffic) => probabilities, byClass]) {
    const shift = stabilityIndex(histogram(incumbent), histogram(candidate));
    if (total(histogram(candidate)) >= MIN_PREDICTIONS && shift > rollout.maxPredictionShift) {
      return { code: 'predictions', shift, allowed: rollout.maxPredictionShift };
    }
  }
  const [ours, theirs] = [candidate.numbers, incumbent.numbers];
  if (ours && theirs && Math.min(ours.count, theirs.count) >= MIN_PREDICTIONS) {
    const shift = normalShift(theirs, ours);
    const bare = ({ mean, spread }: MeanAndSpread) => ({ mean, spread });
    const numbers = { candidate: bare(ours), incumbent: bare(theirs) };
    if (shift > rollout.maxPredictionShift) {
      return { code: 'predictions', shift, allowed: rollout.maxPredictionShift, numbers };
    }
  }
  return null;
}

/** Enough for any limit, and a number that JSON can hold. */
const MOST_SHIFT = 1_000;

/**
 * The stability index of two normal distributions, in closed form: it is the sum of their Kullback-Leibler divergences in
 * both directions (Jeffreys). The same constant is no shift from itself.
 */
export function normalShift(one: MeanAndSpread, other: MeanAndSpread): number {
  const squared = (one.mean - other.mean) ** 2;
  const [a, b] = [one.spread ** 2, other.spread ** 2];
  if (a === b && squared === 0) return 0;
  const shift = ((a + squared) / b + (b + squared) / a) / 2 - 1;
  return Number.isFinite(shift) ? Math.min(Math.max(shift, 0), MOST_SHIFT) : MOST_SHIFT;
}

/** A histogram of fewer predictions says little: ten bins of equal distributions differ by about 9 / n. */
const MIN_PREDICTIONS = 200;

/**
 * Population stability index of two histograms (Siddiqi, Credit Risk Scorecards, 2006): above 0.25 a distribution
 * counts as shifted. Half a count is added to each bin, so that an empty one is not infinitely far. 0 when one is empty.
 */
export function stabilityIndex(expected: number[], actual: number[]): number {
  if (total(expected) === 0 || total(actual) === 0) return 0;
  const bins = Math.max(expected.length, actual.length);
  const share = (counts: number[], bin: number) => ((counts[bin] ?? 0) + 0.5) / (total(counts) + 0.5 * bins);
  return Array.from({ length: bins }, (_, bin) => {
    const [e, a] = [share(expected, bin), share(actual, bin)];
    return (a - e) * Math.log(a / e);
  }).reduce((sum, value) => sum + value, 0);
}

const total = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
const errorRate = ({ requests, failed }: Traffic) => (requests === 0 ? 0 : failed / requests);
