import { expect, it } from 'vitest';
import { resolvePlan } from '../../src/config/resolvePlan.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';

it('no two sections whose options are laid into one plan have a field of the same name', () => {
  const { training, search, promotion, monitoring, steward } = loadConfig({}, PROJECT_ROOT);
  const names = [training, search, promotion, monitoring, steward].flatMap((section) => Object.keys(section));
  expect(names).toEqual([...new Set(names)]);
});

it('a search prunes bundled trials as the settings or the request say, and none of those that are commands', () => {
  const config = loadConfig({}, PROJECT_ROOT);
  const prunerOf = (given: object) => resolvePlan(config, 'hyperparameterSearch', given, false).pruner;
  expect([{}, { pruner: 'median' }].map(prunerOf)).toEqual(['asha', 'median']);
  for (const step of ['trial', 'search'] as const) {
    const steps = { ...config.steps, [step]: { ...config.steps[step], command: ['python', 'mine.py'] } };
    const plan = resolvePlan({ ...config, steps }, 'hyperparameterSearch', { pruner: 'median' }, false);
    expect(plan.pruner).toBe('none');
  }
});
