import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contest, judgePromotion } from '../../src/domain/promotionGate.ts';
import { contestOf } from './contest.ts';

// The floor has properties of its own: see floor.test.ts.
const contest = (challenger: number, champion: number | null, changes: Partial<Contest> = {}): Contest =>
  contestOf({
    champion: champion === null ? null : '1',
    comparison: {
      challenger: { test_auc: challenger },
      champion: champion === null ? null : { test_auc: champion },
      championProblem: '',
      differences: {},
    },
    floor: false,
    ...changes,
  });
const auc = fc.double({ min: 0, max: 1, noNaN: true });

describe('the promotion gate', () => {
  it('lets a challenger through that loses at most the limit, and no other', () => {
    fc.assert(
      fc.property(auc, auc, fc.double({ min: 0, max: 1, noNaN: true }), (challenger, champion, maxLoss) => {
        const rules = [{ metric: 'test_auc', direction: 'higher' as const, maxLoss }];
        const { promote } = judgePromotion(contest(challenger, champion, { rules }));
        if (champion - challenger < maxLoss - 1e-9) expect(promote).toBe(true);
        if (champion - challenger > maxLoss + 1e-9) expect(promote).toBe(false);
      }),
    );
  });

  it('takes a loss of exactly the limit as allowed', () => {
    expect(judgePromotion(contest(0.695, 0.7)).promote).toBe(true);
  });

  it('is the mirror image for a metric of which less is better', () => {
    fc.assert(
      fc.property(auc, auc, (challenger, champion) => {
        const rules = [{ metric: 'test_auc', direction: 'lower' as const, maxLoss: 0.01 }];
        const mirrored = judgePromotion(
          contest(-challenger, -champion, { rules: [{ ...rules[0], direction: 'higher' } as never] }),
        );
        expect(judgePromotion(contest(challenger, champion, { rules })).promote).toBe(mirrored.promote);
      }),
    );
  });

  it('promotes by force whatever it finds, and keeps the verdict that it overrules', () => {
    fc.assert(
      fc.property(auc, fc.option(auc), (challenger, champion) => {
        const plain = judgePromotion(contest(challenger, champion, { policy: 'never' }));
        const forced = judgePromotion(contest(challenger, champion, { policy: 'never', force: true }));
        expect(plain.promote).toBe(false);
        expect(forced.promote).toBe(true);
        expect(forced).toMatchObject({ forced: true, verdict: plain.verdict });
      }),
    );
  });

  it('needs a score, also when nothing is in Production', () => {
    expect(judgePromotion(contest(Number.NaN, null))).toEqual({
      promote: false,
      forced: false,
      verdict: { code: 'scoresMissing', version: '2', metrics: ['test_auc'], logged: [], recorded: false },
    });
    expect(judgePromotion(contest(0.6, null)).promote).toBe(true);
  });

  it('refuses a champion that could not be scored, with the reason', () => {
    const unscored = contest(0.7, 0.7);
    unscored.comparison = { ...unscored.comparison, champion: null, championProblem: 'it does not load.' };
    expect(judgePromotion(unscored).verdict).toEqual({
      code: 'championNotScored',
      champion: '1',
      problem: 'it does not load.',
      reason: 'failed',
    });
  });

  it('wants every rule to hold', () => {
    const two = contest(0.7, 0.7, {
      rules: [
        { metric: 'test_auc', direction: 'higher', maxLoss: 0.005 },
        { metric: 'test_log_loss', direction: 'lower', maxLoss: 0.01 },
      ],
    });
    two.comparison.challenger.test_log_loss = 0.35;
    (two.comparison.champion as Record<string, number>).test_log_loss = 0.3;
    expect(judgePromotion(two)).toMatchObject({
      promote: false,
      verdict: { code: 'refused', rules: [{ metric: 'test_log_loss', challenger: 0.35, champion: 0.3 }] },
    });
  });

  it('with a confidence goes by the bound of the difference, so that noise does not promote', () => {
    const sure = (low: number) =>
      contest(0.71, 0.7, {
        rules: [{ metric: 'test_auc', direction: 'higher', minGain: 0, confidence: 0.95 }],
        comparison: {
          challenger: { test_auc: 0.71 },
          champion: { test_auc: 0.7 },
          championProblem: '',
          differences: { test_auc: { difference: 0.01, low, high: 0.02, confidence: 0.95 } },
        },
      });
    expect(judgePromotion(sure(0.001)).promote).toBe(true);
    expect(judgePromotion(sure(-0.001)).promote).toBe(false);
  });

  it('asks for tags and a maximum age', () => {
    const tagged = (tags: Record<string, string>) =>
      judgePromotion(
        contest(0.7, 0.7, {
          requiredTags: { reviewed: 'yes', owner: '*' },
          challenger: { version: '2', tags, createdAt: 0 },
        }),
      );
    expect(tagged({ reviewed: 'yes', owner: 'ada' }).promote).toBe(true);
    expect(tagged({ reviewed: 'no', owner: 'ada' }).verdict).toMatchObject({
      code: 'unfit',
      tags: [{ tag: 'reviewed', wanted: 'yes', found: 'no' }],
    });
    expect(tagged({ reviewed: 'yes' }).verdict).toMatchObject({ tags: [{ tag: 'owner', wanted: '*', found: null }] });
    const old = judgePromotion(contest(0.7, 0.7, { maxAgeDays: 7, now: 8 * 24 * 3600 * 1000 }));
    expect(old.verdict).toMatchObject({ code: 'unfit', ageDays: 8, maxAgeDays: 7 });
  });
});
