import { expect, it } from 'vitest';
import { resolvePlan } from '../../src/config/resolvePlan.ts';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import type { RetrainPlan } from '../../src/contracts/plans.ts';

it('no two sections whose options are laid into one plan have a field of the same name', () => {
  const { training, search, promotion, monitoring, steward } = loadConfig({}, PROJECT_ROOT);
  const names = [training, search, promotion, monitoring, steward].flatMap((section) => Object.keys(section));
  expect(names).toEqual([...new Set(names)]);
});

it('as many trials run at once as the slots, the cores and the GPUs of a host allow', () => {
  const config = loadConfig({ MEDIWATCH_WORKER_SLOTS: '8' }, PROJECT_ROOT);
  const parallelOf = (trial: object, gpus: Config['worker']['gpus'] = 'auto') => {
    const steps = { ...config.steps, trial: { ...config.steps.trial, command: ['python', 'mine.py'], ...trial } };
    const worker = { ...config.worker, gpus };
    return resolvePlan({ ...config, steps, worker }, 'hyperparameterSearch', {}, false).parallel;
  };
  expect(
    [{}, { slots: 3 }, { cores: 3 }, { cores: 30 }, { slots: 1, cores: 2 }].map((trial) => parallelOf(trial)),
  ).toEqual([8, 3, 2, 1, 1]);
  expect([4, ['GPU-a', 'GPU-b', 'GPU-b'], '0,1,2', '2'].map((gpus) => parallelOf({ gpus: 2 }, gpus))).toEqual([
    2, 1, 1, 1,
  ]);
  // The worker will know.
  expect(parallelOf({ gpus: 1 })).toBe(8);
});

it('a step that waits for a GPU has time for all that may have it before', () => {
  const config = loadConfig({ MEDIWATCH_WORKER_SLOTS: '8' }, PROJECT_ROOT);
  const trial = { ...config.steps.trial, command: ['python', 'mine.py'], timeout: 10 };
  const waitOf = (more: object) => {
    const steps = { ...config.steps, trial: { ...trial, ...more } };
    const { limits } = resolvePlan({ ...config, steps }, 'retrain', {}, false);
    return (limits as RetrainPlan['limits']).trial.slotWaitSeconds;
  };
  expect([{}, { cores: 4 }, { gpus: 1 }].map(waitOf)).toEqual([0, 30, 70]);
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
