import { afterEach, expect, test } from 'vitest';
import { GOOD, removeTried, tryOut, VENV } from './support/tryOut.ts';

afterEach(removeTried);

test('a project that works is tried from the data to its API, and nothing is left of it', async () => {
  const { exitCode, json, stderr, added, left } = await tryOut(GOOD);
  const states = json.tried.map(({ step, state }) => `${step} ${state}`);
  expect(states, stderr).toEqual([
    'start passed',
    'prepare passed',
    'trial passed',
    'train passed',
    'register passed',
    'evaluate passed',
    'report passed',
    'api passed',
    'monitor passed',
  ]);
  expect(json.findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
  expect(json.tried[0]?.facts).toEqual({ rows: 100, of: 400 });
  const facts = Object.fromEntries(json.tried.map((outcome) => [outcome.step, outcome.facts]));
  expect(facts.api?.checks).toEqual(['health', 'warm-up', 'predict']);
  expect(facts.evaluate).toMatchObject({ metrics: { test_auc: expect.any(Number) }, gate: { code: 'firstVersion' } });
  expect(facts.monitor?.drift).toMatchObject({ verdict: 'no drift' });
  expect({ exitCode, added, left }).toEqual({ exitCode: 0, added: [], left: [] });
}, 240_000);

test('of a project with several faults each is found at once, with the setting to change', async () => {
  const { contract: _, example: __, ...deployment } = GOOD.deployment;
  const { exitCode, json, stderr, left } = await tryOut({
    ...GOOD,
    search: { ...GOOD.search, metric: 'area_under_curve' },
    promotion: {
      rules: [
        { metric: 'test_auc', maxLoss: 0 },
        { metric: 'f1', maxLoss: 0 },
      ],
    },
    steps: { ...GOOD.steps, monitor: { command: ['python', 'monitor.py'], venv: VENV } },
    deployment,
  });
  const missing = json.findings.filter(({ severity }) => severity === 'problem');
  expect(missing, stderr).toMatchObject([{ code: 'importMissing', setting: 'steps.monitor.command' }]);
  const failed = json.tried.filter(({ state }) => state === 'failed');
  expect(failed.map(({ step, setting }) => `${step}: ${setting}`)).toEqual([
    'trial: steps.trial',
    'evaluate: steps.evaluate',
    'api: deployment',
    'monitor: steps.monitor',
  ]);
  expect(failed[0]?.message).toContain('area_under_curve');
  expect(failed[1]?.message).toContain('Version 1 has no f1, only auc');
  expect(failed[2]).toMatchObject({
    passes: true,
    proposal: {
      health: { version: 'model.tag' },
      predict: { predictions: 'late' },
      request: { instances: '{records}' },
    },
  });
  expect(json.tried.find(({ step }) => step === 'train')?.state).toBe('passed');
  expect({ exitCode, left }).toEqual({ exitCode: 1, left: [] });
}, 240_000);

test('without an API, without a report and before the first prediction, it says so', async () => {
  const { evaluate: _, monitor: __, ...steps } = GOOD.steps;
  const { json, stderr } = await tryOut({
    ...GOOD,
    steps: { ...steps, report: { skip: true } },
    promotion: { policy: 'always' },
    deployment: { target: 'none' },
    monitoring: {},
  });
  const skipped = json.tried.filter(({ state }) => state === 'skipped').map(({ step, why }) => `${step}: ${why}`);
  expect(skipped, stderr).toEqual(['evaluate: noRules', 'report: noReport', 'api: noApi', 'monitor: noLog']);
  expect(stderr).toContain('deployment.target is none');
}, 240_000);
