import { expect, it } from 'vitest';
import type { GateVerdict } from '../../src/contracts/verdicts.ts';
import { verdictText } from '../../src/words/verdicts.ts';

const rule = { metric: 'test_auc', holds: false, challenger: null, champion: 0.6, maxLoss: 0.005 };
const floor = { metric: 'test_auc', trivial: 0.5, score: 0.51, low: 0.47 };

it.each<[GateVerdict, string]>([
  [
    { code: 'belowFloor', version: '3', floor },
    'Version 3 is no better than a trivial model, which answers the same for every row: test AUC 0.5100 (no less than ' +
      '0.4700 is sure) against 0.5000. Look at the data and the target first. "mediwatch promote VERSION --force" ' +
      'promotes it all the same. "promotion.floor: false" asks no more.',
  ],
  [
    { code: 'firstVersion', scores: { test_rmse: 2 }, floor: null },
    'Nothing was in Production; test RMSE 2.0000. Whether a trivial model scores as well is not known.',
  ],
  [
    { code: 'policyAlways', floor: { ...floor, low: null } },
    'The policy is "always", although it is no better than a trivial model, which answers the same for every row: test ' +
      'AUC 0.5100 against 0.5000.',
  ],
  [
    {
      ...{ code: 'refused', champion: '1', rules: [rule], recorded: true, sameData: true },
      lacking: [{ version: '3', logged: ['accuracy', 'f1'] }],
    },
    'Refused: the challenger has no test AUC; version 3 has only accuracy and f1. These are the scores that the trainings ' +
      'recorded, of the same data. Name scores in promotion.rules that both have, or map ours to theirs in ' +
      'steps.train.outputs.metrics, such as { test_auc: THEIR_NAME }. "mediwatch promote VERSION --force" promotes it all ' +
      'the same.',
  ],
  [
    { code: 'championNotScored', champion: '1', problem: 'it lacks the column age.', reason: 'cannotRead' },
    'Version 1, the champion, cannot read these data: it lacks the column age. Compare both on data that both can read. ' +
      '"mediwatch promote VERSION --force" promotes it all the same.',
  ],
  [
    { code: 'notComparable', version: '3', champion: '1' },
    'Version 3 and version 1, the champion, are not comparable: their trainings scored them on different data sets. Set ' +
      'steps.evaluate to a command that takes {version}: it scores both on the same rows. "mediwatch promote VERSION ' +
      '--force" promotes it all the same.',
  ],
])('$code is worded with what to do about it', (verdict, text) => {
  expect(verdictText(verdict)).toBe(text);
});

it('a verdict that was overruled gives no advice', () => {
  expect(verdictText({ code: 'notComparable', version: '3', champion: '1' }, true)).toMatch(
    /^Forced\. The gate would have refused: .*different data sets\.$/,
  );
});
