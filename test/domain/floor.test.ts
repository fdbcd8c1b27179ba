import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../src/contracts/registry.ts';
import { type Contest, judgePromotion } from '../../src/domain/promotionGate.ts';
import { contestOf } from './contest.ts';

const score = fc.double({ min: -1, max: 1, noNaN: true });
const scored = (scores: Record<string, number>, more: Partial<Comparison> = {}) => ({
  comparison: { challenger: scores, champion: null, championProblem: '', differences: {}, ...more },
});
const ruled = (...metrics: string[]): Pick<Contest, 'rules'> => ({
  rules: metrics.map((metric) => ({ metric, direction: 'higher', maxLoss: 0 })),
});
const codeOf = (changes: Partial<Contest>) => judgePromotion(contestOf(changes)).verdict.code;

describe('a version is promoted only above the trivial model', () => {
  it('by the bound of its interval where one is known, whatever its score, and champion or not', () => {
    fc.assert(
      fc.property(score, score, score, fc.boolean(), (low, trivial, own, first) => {
        const floor = { metric: 'test_auc', trivial, score: own, low };
        const champion = first ? null : { test_auc: -1 };
        const contest = { ...scored({ test_auc: own }, { floor, champion }), champion: first ? null : '1' };
        expect(judgePromotion(contestOf(contest)).promote).toBe(low > trivial + 1e-9);
        expect(judgePromotion(contestOf({ ...contest, force: true })).promote).toBe(true);
        expect(judgePromotion(contestOf({ ...contest, floor: false })).promote).toBe(true);
      }),
    );
  });

  it.each([
    ['test_auc', 0.5],
    ['holdout_roc_auc_ovr', 0.5],
    ['AUROC', 0.5],
    ['eval/auc', 0.5],
    ['test_r2', 0],
    ['r2_score', 0],
    ['test_mcc', 0],
    ['cohen_kappa_score', 0],
  ])('by the name of its score otherwise: %s must be above %d', (metric, trivial) => {
    fc.assert(
      fc.property(score, (own) => {
        const expected = own > trivial + 1e-9 ? 'firstVersion' : 'belowFloor';
        expect(codeOf({ ...scored({ [metric]: own }), ...ruled(metric) })).toBe(expected);
      }),
    );
  });

  it('also by a score that no rule names, and not by one of the rows that it learned from', () => {
    const ofRule = ruled('test_accuracy');
    expect(codeOf({ ...scored({ test_accuracy: 0.9, test_auc: 0.5 }), ...ofRule })).toBe('belowFloor');
    expect(codeOf({ ...scored({ test_accuracy: 0.9, train_auc: 0.5, fold1_auc: 0.4 }), ...ofRule })).toBe(
      'firstVersion',
    );
  });

  it('one score above is enough, as of a model whose threshold alone tells nothing', () => {
    expect(codeOf({ ...scored({ test_auc: 0.7, test_mcc: 0 }), ...ruled('test_mcc', 'test_auc') })).toBe(
      'firstVersion',
    );
  });

  it.each(['test_accuracy', 'test_rmse', 'pr_auc', 'average_precision'])(
    '%s tells nothing, which is said',
    (metric) => {
      const { verdict } = judgePromotion(contestOf({ ...scored({ [metric]: 0.1 }), ...ruled(metric) }));
      expect(verdict).toMatchObject({ code: 'firstVersion', floor: null });
    },
  );

  it('the policy "always" promotes one that is not, and says so', () => {
    const { promote, verdict } = judgePromotion(contestOf({ ...scored({ test_auc: 0.5 }), policy: 'always' }));
    expect([promote, verdict]).toMatchObject([true, { code: 'policyAlways', floor: { trivial: 0.5 } }]);
  });
});

describe('recorded scores', () => {
  const recorded = (sameData: boolean | null) => ({
    ...scored({ test_auc: 0.9 }, { champion: { test_auc: 0.6 }, recorded: true, sameData }),
    champion: '1',
  });

  it('of different data are not compared, however good they are', () => {
    expect(judgePromotion(contestOf(recorded(false)))).toEqual({
      promote: false,
      forced: false,
      verdict: { code: 'notComparable', version: '2', champion: '1' },
    });
  });

  it.each([true, null])('say whether the data are known to be the same: %s', (sameData) => {
    expect(judgePromotion(contestOf(recorded(sameData))).verdict).toMatchObject({ code: 'passed', sameData });
  });

  it('that lack what a rule names are told by version, with what each has instead', () => {
    const contest = { ...scored({ rmse: 2 }, { champion: { r2: 0.4 } }), champion: '1', ...ruled('mae') };
    expect(judgePromotion(contestOf(contest)).verdict).toMatchObject({
      code: 'refused',
      lacking: [
        { version: '2', logged: ['rmse'] },
        { version: '1', logged: ['r2'] },
      ],
    });
  });
});
