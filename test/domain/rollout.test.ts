import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RolloutSettings } from '../../src/contracts/options.ts';
import { findBreach, normalShift, rolloutShares, stabilityIndex, type Traffic } from '../../src/domain/rollout.ts';

const plan: RolloutSettings = {
  strategy: 'canary',
  share: 0.1,
  bakeSeconds: 1,
  minRequests: 20,
  maxErrorRate: 0.02,
  maxLatencyRatio: 3,
  maxPredictionShift: 0.25,
};
const traffic = (changes: Partial<Traffic> = {}): Traffic => ({
  requests: 1000,
  failed: 0,
  latencyMs: { p50: 20, p95: 40 },
  probabilities: [500, 300, 100, 50, 30, 10, 5, 3, 1, 1],
  classes: { oak: 600, ash: 400 },
  ...changes,
});

describe('the steps of a rollout', () => {
  it('grow, and end with all of the traffic', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('atOnce', 'canary', 'linear'),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (strategy, share) => {
          const shares = rolloutShares({ strategy, share });
          expect(shares.at(-1)).toBe(1);
          for (const [index, step] of shares.entries()) expect(step).toBeGreaterThan(shares[index - 1] ?? 0);
        },
      ),
    );
  });
});

describe('a breach', () => {
  it('is never found in a candidate that does as the old one does', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.double({ min: 0, max: 1, noNaN: true }), (requests, rate) => {
        const same = traffic({ requests, failed: Math.floor(requests * rate) });
        expect(findBreach(plan, same, same)).toBeNull();
      }),
    );
  });

  it('is not judged by few requests', () => {
    expect(findBreach(plan, traffic({ requests: 19, failed: 19 }), traffic())).toBeNull();
  });

  it.each([
    ['errors', traffic({ failed: 30 }), { code: 'errorRate', requests: 1000, candidate: 0.03, incumbent: 0 }],
    ['slow answers', traffic({ latencyMs: { p50: 50, p95: 200 } }), { code: 'latency', p95Ms: 200 }],
    [
      'other predictions',
      traffic({ probabilities: [10, 10, 10, 10, 10, 100, 200, 300, 200, 150] }),
      { code: 'predictions' },
    ],
    ['other classes', traffic({ classes: { oak: 100, yew: 900 } }), { code: 'predictions' }],
  ])('is found in %s', (_, candidate, breach) => {
    expect(findBreach(plan, candidate, traffic())).toMatchObject(breach);
  });

  it('is not found in latencies so short that they differ by noise', () => {
    const fast = traffic({ latencyMs: { p50: 1, p95: 2 } });
    expect(findBreach(plan, traffic({ latencyMs: { p50: 5, p95: 30 } }), fast)).toBeNull();
  });
});

describe('the stability index', () => {
  const counts = fc.array(fc.nat(1000), { minLength: 10, maxLength: 10 });

  it('is not negative, symmetric, and 0 for equal histograms', () => {
    fc.assert(
      fc.property(counts, counts, (one, other) => {
        expect(stabilityIndex(one, other)).toBeGreaterThanOrEqual(-1e-12);
        expect(stabilityIndex(one, other)).toBeCloseTo(stabilityIndex(other, one), 9);
        expect(stabilityIndex(one, one)).toBe(0);
      }),
    );
  });
});

describe('the numbers of a regression', () => {
  const numbers = (mean: number, spread: number, count = 500) =>
    traffic({ probabilities: Array(10).fill(0), classes: {}, numbers: { count, mean, spread } });

  it('breach when mean or spread moves, and say both', () => {
    expect(findBreach(plan, numbers(109, 20), numbers(100, 20))).toBeNull();
    expect(findBreach(plan, numbers(112, 20), numbers(100, 20))).toMatchObject({
      code: 'predictions',
      shift: expect.closeTo(0.36, 6),
      numbers: { candidate: { mean: 112, spread: 20 }, incumbent: { mean: 100, spread: 20 } },
    });
    expect(findBreach(plan, numbers(100, 40), numbers(100, 20))).toMatchObject({
      code: 'predictions',
      shift: expect.closeTo(1.125, 6),
    });
    expect(findBreach(plan, numbers(104, 21), numbers(100, 20))).toBeNull();
    expect(findBreach(plan, numbers(900, 21, 199), numbers(100, 20))).toBeNull();
  });

  it('are the stability index of normal distributions, which fine bins come near to', () => {
    const [one, other] = [
      { mean: 0, spread: 1 },
      { mean: 0.4, spread: 1.2 },
    ];
    const counts = ({ mean, spread }: typeof one) =>
      Array.from({ length: 400 }, (_, bin) => 1e9 * Math.exp(-(((-8 + bin * 0.04 - mean) / spread) ** 2) / 2));
    expect(normalShift(one, other)).toBeCloseTo(stabilityIndex(counts(one), counts(other)), 2);
  });

  it('that are constant shift only when they change', () => {
    expect(normalShift({ mean: 3, spread: 0 }, { mean: 3, spread: 0 })).toBe(0);
    expect(normalShift({ mean: 3, spread: 0 }, { mean: 4, spread: 0 })).toBe(1_000);
    expect(normalShift({ mean: 3, spread: 0 }, { mean: 3, spread: 1 })).toBe(1_000);
  });
});
