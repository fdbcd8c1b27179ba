import { expect, it } from 'vitest';
import { resolvePlan } from '../../src/config/resolvePlan.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';

it('no two sections whose options are laid into one plan have a field of the same name', () => {
  const { training, search, promotion, monitoring, steward } = loadConfig({}, PROJECT_ROOT);
  const names = [training, search, promotion, monitoring, steward].flatMap((section) => Object.keys(section));
  expect(names).toEqual([...new Set(names)]);
});

it('a search prunes as the settings or the request say, and none of the trials of a command that is the search', () => {
  const config = loadConfig({}, PROJECT_ROOT);
  const prunerOf = (given: object) => resolvePlan(config, 'hyperparameterSearch', given, false).pruner;
  expect([{}, { pruner: 'median' }].map(prunerOf)).toEqual(['asha', 'median']);
  const planOf = (step: 'trial' | 'search') => {
    const steps = { ...config.steps, [step]: { ...config.steps[step], command: ['python', 'mine.py'] } };
    return resolvePlan({ ...config, steps }, 'hyperparameterSearch', { pruner: 'median' }, false);
  };
  expect(planOf('search')).toMatchObject({ pruner: 'none', trialCommand: false });
  expect(planOf('trial')).toMatchObject({ pruner: 'median', trialCommand: true });
});
