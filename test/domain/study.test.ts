import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Trial } from '../../src/contracts/training.ts';
import {
  canGoOn,
  comparable,
  createStudy,
  finish,
  foundBy,
  propose,
  remaining,
  report,
  reportsOf,
  rungsOf,
  type Study,
  searchProgress,
  stopOf,
  tooManyFailed,
} from '../../src/domain/study.ts';

/** Scores of trials in the order in which they finish; null: the trial failed. */
const outcomes = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 600 });

function search(scores: Array<number | null>, direction?: 'maximize' | 'minimize'): Study {
  let study = createStudy(scores.length, direction);
  for (const [number, score] of scores.entries()) {
    study = propose(study, [{ x: number }]);
    const trial: Trial = { number, params: { x: number }, state: score === null ? 'failed' : 'complete' };
    study = finish(study, score === null ? trial : { ...trial, score });
  }
  return study;
}

describe('a study', () => {
  it('counts every trial once and knows the best, however many it forgets', () => {
    fc.assert(
      fc.property(outcomes, (scores) => {
        const study = search(scores);
        const known = scores.filter((score) => score !== null);
        expect(study.complete).toBe(known.length);
        expect(study.failed).toBe(scores.length - known.length);
        expect(study.best?.score ?? null).toBe(known.length > 0 ? Math.max(...known) : null);
        expect(study.trials.length).toBeLessThanOrEqual(200);
        expect(remaining(study)).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('whose score is minimized finds what one of the negated scores finds when it maximizes', () => {
    fc.assert(
      fc.property(outcomes, (scores) => {
        const negated = search(scores.map((score) => (score === null ? null : -score)));
        const study = search(scores, 'minimize');
        expect(study.best?.number).toBe(negated.best?.number);
        expect(study.trials.map(({ number }) => number)).toEqual(negated.trials.map(({ number }) => number));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the best trials among those that it remembers', () => {
    const scores = Array.from({ length: 500 }, (_, index) => ((index * 37) % 500) / 500);
    const kept = search(scores).trials.map(({ score }) => score);
    for (const score of scores.toSorted((a, b) => b - a).slice(0, 100)) expect(kept).toContain(score);
  });

  it('takes no more proposals than it has trials left', () => {
    const study = propose(createStudy(2), [{ x: 1 }, { x: 2 }, { x: 3 }]);
    expect(study.trials.map(({ number }) => number)).toEqual([0, 1]);
  });

  it('ignores what it did not propose, and a trial that finishes twice', () => {
    const trial: Trial = { number: 0, params: {}, state: 'complete', score: 0.7 };
    expect(finish(createStudy(1), trial).complete).toBe(0);
    const once = finish(propose(createStudy(2), [{}]), trial);
    expect(finish(once, { ...trial, score: 0.9 })).toEqual(once);
  });

  it('ends at its time limit once a trial has a score, and not before', () => {
    const limits = { timeout: 60, patience: 0 };
    expect(stopOf({ ...createStudy(10, 'maximize', 1_000), failed: 3 }, limits, 90_000)).toBeUndefined();
    const scored = { ...search([0.5]), startedAt: 1_000 };
    expect(stopOf(scored, limits, 60_999)).toBeUndefined();
    expect(stopOf(scored, limits, 61_000)).toBe('timeout');
  });

  it('ends when so many scores in a row are no better; failed trials count neither way', () => {
    const limits = { timeout: 0, patience: 2 };
    expect(stopOf(search([0.7, 0.6, null, null]), limits, 0)).toBeUndefined();
    expect(stopOf(search([0.7, 0.6, null, 0.7]), limits, 0)).toBe('patience');
    expect(stopOf(search([0.7, 0.6, 0.8, 0.7]), limits, 0)).toBeUndefined();
    expect(stopOf(search([0.7, 0.6, 0.5], 'minimize'), limits, 0)).toBeUndefined();
    expect(stopOf(search(Array(50).fill(0.5)), { timeout: 0, patience: 0 }, 0)).toBeUndefined();
  });

  it('counts pruned trials by themselves, never as the best, and keeps what they reported', () => {
    let study = propose(createStudy(3), [{ x: 0 }, { x: 1 }, { x: 2 }]);
    study = finish(study, { number: 0, params: { x: 0 }, state: 'complete', score: 0.5 });
    study = report(report(study, 1, { step: 1, score: 0.9 }), 0, { step: 1, score: 0.1 });
    study = finish(study, { number: 1, params: { x: 1 }, state: 'pruned' });
    expect(study.best?.number).toBe(0);
    expect(searchProgress(study, 1, '')).toMatchObject({ total: 3, complete: 1, pruned: 1, failed: 0, running: 1 });
    expect(comparable(study)).toEqual([
      { number: 1, state: 'pruned', reports: [{ step: 1, score: 0.9 }] },
      { number: 2, state: 'running' },
    ]);
    expect(stopOf(study, { timeout: 0, patience: 1 }, 0)).toBe('patience');
    expect(tooManyFailed(study, 0)).toBe(false);
  });

  it('keeps ever fewer of the scores of a script, the same of each trial, and none that is no number', () => {
    const scores = [0.5, null, ...Array(999_998).fill(0.7)];
    const reports = reportsOf(scores);
    expect(reports.slice(0, 6).map(({ step }) => step)).toEqual([1, 3, 4, 6, 8, 11]);
    expect(reports.length).toBeLessThan(50);
    expect(reportsOf(scores.slice(0, 10))).toEqual(reports.slice(0, 5));
  });

  it('compares a script only while a complete one has told more', () => {
    const reports = [{ step: 2, score: 0.5 }];
    const other = (state: 'complete' | 'pruned', step: number) => ({ state, reports: [{ step, score: 0.5 }] });
    expect(canGoOn([other('pruned', 9), other('complete', 2)], reports)).toBe(false);
    expect(canGoOn([other('complete', 3)], reports)).toBe(true);
    expect(canGoOn([{ state: 'complete' }], reports)).toBe(false);
  });

  it('has no rungs where they would have too few rows', () => {
    expect(rungsOf(71_200)).toEqual([1, 3]);
    expect(rungsOf(17_999)).toEqual([]);
    expect(rungsOf(null)).toEqual([]);
  });

  it('is over when more than the allowed share of all its trials failed', () => {
    expect(tooManyFailed({ ...createStudy(10), failed: 5 }, 0.5)).toBe(false);
    expect(tooManyFailed({ ...createStudy(10), failed: 6 }, 0.5)).toBe(true);
    expect(tooManyFailed({ ...createStudy(10), failed: 1 }, 0)).toBe(true);
  });

  it('hands on what a trial found for the final fit, and nothing that only looks like it', () => {
    const found = (metrics?: Trial['metrics']) =>
      foundBy({ number: 0, params: {}, state: 'complete', ...(metrics && { metrics }) });
    expect(found({ iterations: 78, threshold: 0.12, validation_auc: 0.69 })).toEqual({
      iterations: 78,
      threshold: 0.12,
    });
    expect(found({ iterations: 78 })).toEqual({ iterations: 78, threshold: null });
    expect(found({ iterations: 7.5, threshold: 0.12 })).toBeNull();
    expect(found({ threshold: 0.12 })).toBeNull();
    expect(found()).toBeNull();
    expect(foundBy(undefined)).toBeNull();
  });
});
