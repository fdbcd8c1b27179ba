import type { Contest } from '../../src/domain/promotionGate.ts';

/** A contest of version 2 with an AUC of 0.7 where nothing is in Production, with some of it changed. */
export const contestOf = (changes: Partial<Contest> = {}): Contest => ({
  policy: 'rules',
  rules: [{ metric: 'test_auc', direction: 'higher', maxLoss: 0.005 }],
  challenger: { version: '2', tags: {}, createdAt: 0 },
  champion: null,
  comparison: { challenger: { test_auc: 0.7 }, champion: null, championProblem: '', differences: {} },
  requiredTags: {},
  floor: true,
  now: 0,
  rolledBack: null,
  force: false,
  ...changes,
});
