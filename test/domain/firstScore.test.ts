import { describe, expect, it } from 'vitest';
import { resolvePlan } from '../../src/config/resolvePlan.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { firstScore, rulesOfTask, trialScore } from '../../src/domain/firstScore.ts';
import { outcomeOf } from '../../src/domain/outcomes.ts';
import { metricName, scoreName, scoreText } from '../../src/words/numbers.ts';
import { outcomeText } from '../../src/words/results.ts';

describe('the score that a version is known by', () => {
  it('is its AUC, else its R², else what the gate compares; else none is known', () => {
    expect(firstScore({ test_r2: 0.5, test_auc: 0.7 })).toEqual({ metric: 'test_auc', value: 0.7 });
    expect(firstScore({ test_rmse: 3, test_r2: -0.1 })).toEqual({ metric: 'test_r2', value: -0.1 });
    expect(firstScore({ test_rmse: 3, test_mae: 2 }, [{ metric: 'test_rmse' }])?.metric).toBe('test_rmse');
    expect(firstScore({ test_rmse: 3 })).toBeNull();
  });

  it('is read from tags too, where older versions have an empty one', () => {
    expect(firstScore({ test_auc: '', test_r2: '0.81' })).toEqual({ metric: 'test_r2', value: 0.81 });
    expect(firstScore({ test_auc: '' })).toBeNull();
  });

  it('has the name that people give it, and is left out where it is not known', () => {
    expect(scoreText({ metric: 'test_r2', value: 0.8123 })).toBe('test R² 0.8123');
    expect(['test_auc', 'valid_rmse', 'test_maes'].map(metricName)).toEqual(['test AUC', 'valid RMSE', 'test maes']);
    const version = { registeredModel: 'M', version: '3', runId: null, metrics: {} };
    expect(outcomeText(outcomeOf('trainBestAndRegister', version))).toBe('M version 3');
    const known = { ...version, metrics: { test_r2: 0.5 } };
    expect(outcomeText(outcomeOf('trainBestAndRegister', known))).toBe('M version 3, test R² 0.5000');
  });
});

describe('the score of a trial', () => {
  it('is that of the task for the bundled steps, and by its own name for a command', () => {
    expect(scoreName(trialScore('', 'multiclass'))).toBe('validation AUC');
    expect(scoreName(trialScore('', 'regression'))).toBe('validation R²');
    expect(scoreName(trialScore('valid_auc', 'regression'))).toBe('valid_auc');
  });

  it('of a command that names none is what it printed as its score, not an AUC', () => {
    const config = loadConfig({}, PROJECT_ROOT);
    const { steps } = config;
    const foreign = { ...config, steps: { ...steps, trial: { ...steps.trial, command: ['python', 'trial.py'] } } };
    const metric = (settings: typeof config) => resolvePlan(settings, 'retrain', {}, false).metric;
    expect([metric(config), metric({ ...foreign, models: {} })]).toEqual(['', 'score']);
  });
});

describe('the rule of maxAucLoss', () => {
  const byAuc = { metric: 'test_auc', direction: 'higher', maxLoss: 0.005 } as const;
  const other = { metric: 'test_rmse', direction: 'lower', maxLoss: 1 } as const;

  it('is about the first score of the task; other rules stay as they are', () => {
    expect(rulesOfTask([byAuc, other], 'test_r2')).toEqual([{ ...byAuc, metric: 'test_r2' }, other]);
    expect(rulesOfTask([byAuc], 'test_auc')).toEqual([byAuc]);
  });

  it('is about the AUC where a command evaluates', () => {
    expect(rulesOfTask([byAuc], undefined)).toEqual([byAuc]);
  });

  it('names R² at once where the settings say that it is a regression', () => {
    const config = loadConfig({}, PROJECT_ROOT);
    const regression = { ...config, models: {}, data: { ...config.data, task: 'regression' as const } };
    expect(resolvePlan(regression, 'retrain', {}, false).rules).toEqual([{ ...byAuc, metric: 'test_r2' }]);
  });
});

describe('what a data set is said to be', () => {
  const ref = { uri: 'u', sha256: 'a'.repeat(64), sizeBytes: 1 };
  const dataset = { ref, rows: 10, groups: null, positives: null, splits: null, features: 2, sourceSha256: null };
  const said = (target: object) => outcomeText(outcomeOf('prepareData', { ...dataset, ...target }));

  it('names what was found out of the target', () => {
    expect(said({})).toBe('10 rows, 2 features');
    expect(said({ task: 'binary', positive: 'left' })).toBe('10 rows, 2 features; "left" counts as positive');
    expect(said({ task: 'multiclass', classes: ['a', 'b', 'c'] })).toContain('; the target has 3 classes');
    expect(said({ task: 'regression' })).toContain('; the target is a number');
  });
});
