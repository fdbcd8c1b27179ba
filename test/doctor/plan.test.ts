import { expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { planOf, stagesOf } from '../../src/doctor/plan.ts';

it.each([
  ['is found out from its values', 'auto', 'test_auc (test_r2 of a regression) at most'],
  ['is declared to be a class', 'binary', 'champion test_auc at most'],
  ['is declared to be a number', 'regression', 'champion test_r2 at most'],
] as const)('a target that %s: the gate is shown by the score that it will have', (_what, task, text) => {
  const loaded = loadConfig({}, PROJECT_ROOT);
  const config = { ...loaded, data: { ...loaded.data, task } };
  const promote = stagesOf(config, planOf(config, {})).find(({ stage }) => stage === 'promote');
  expect(promote?.does).toContain(text);
});
