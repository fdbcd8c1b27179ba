import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { Outcome } from '../../src/contracts/tried.ts';
import { mediwatch } from '../support/command.ts';

const PROJECT = join(import.meta.dirname, 'inputs/try-project');
const VENV = join(PROJECT_ROOT, 'python/.venv');
const train = {
  command: ['python', 'train.py', '{data}', '--depth={params.depth}', '--name={registeredModel}'],
  venv: VENV,
};
const GOOD = {
  registry: { registeredModel: 'Parcels' },
  data: { path: 'parcels.csv', target: 'late', positive: '1', group: null },
  search: { metric: 'auc', trials: 3, space: { depth: { type: 'int', low: 1, high: 4 } } },
  steps: {
    prepare: { skip: true },
    trial: { command: ['python', 'train.py', '{data}', '--depth={params.depth}'], venv: VENV },
    train: { ...train, outputs: { metrics: { test_auc: 'auc' } } },
  },
  deployment: {
    command: ['python3', 'serve.py'],
    env: { VERSION: '{version}' },
    healthTimeout: 20,
    contract: { health: { version: 'model.tag' }, predict: { request: 'request.json', predictions: 'late' } },
    example: 'parcels.json',
  },
};

let dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  dirs = [];
});

interface Tried {
  usable: boolean;
  tried: Array<Omit<Outcome, 'setting'> & { setting: string | null }>;
  findings: Array<{ code: string; setting: string | null; severity: string }>;
}

/** Runs `mediwatch try` in a copy of the project, with a folder for temporary files of its own. */
async function tryOut(settings: object) {
  const [dir, temporary] = ['mediwatch-parcels-', 'mediwatch-tmp-'].map((name) =>
    mkdtempSync(join(tmpdir(), name)),
  ) as [string, string];
  dirs.push(dir, temporary);
  cpSync(PROJECT, dir, { recursive: true });
  const rows = Array.from(
    { length: 400 },
    (_, row) => `${row % 97},${(row * 7) % 31},${row % 97 > 48 || row % 5 === 0 ? 1 : 0}`,
  );
  writeFileSync(join(dir, 'parcels.csv'), ['km,kg,late', ...rows].join('\n'));
  writeFileSync(
    join(dir, 'parcels.json'),
    JSON.stringify({
      records: [
        { km: 3, kg: 2 },
        { km: 80, kg: 9 },
      ],
    }),
  );
  writeFileSync(join(dir, 'mediwatch.yaml'), stringify(settings));
  const before = readdirSync(dir).sort();
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    TMPDIR: temporary,
    MEDIWATCH_CONFIG: join(dir, 'mediwatch.yaml'),
  };
  const outcome = await mediwatch<Tried>(env, 'try', '--rows', '100');
  return { ...outcome, added: readdirSync(dir).filter((name) => !before.includes(name)), left: readdirSync(temporary) };
}

test('a project that works is tried from the data to its API, and nothing is left of it', async () => {
  const { exitCode, json, stderr, added, left } = await tryOut(GOOD);
  const states = json.tried.map(({ step, state }) => `${step} ${state}`);
  expect(states, stderr).toEqual([
    'start passed',
    'prepare passed',
    'trial passed',
    'train passed',
    'register passed',
    'api passed',
  ]);
  expect(json.findings.filter(({ severity }) => severity === 'problem')).toEqual([]);
  expect(json.tried[0]?.facts).toEqual({ rows: 100, of: 400 });
  expect(json.tried.at(-1)?.facts.checks).toEqual(['health', 'warm-up', 'predict']);
  expect({ exitCode, added, left }).toEqual({ exitCode: 0, added: [], left: [] });
}, 240_000);

test('of a project with three faults each is found at once, with the setting to change', async () => {
  const { contract: _, example: __, ...deployment } = GOOD.deployment;
  const { exitCode, json, stderr, left } = await tryOut({
    ...GOOD,
    search: { ...GOOD.search, metric: 'area_under_curve' },
    steps: { ...GOOD.steps, monitor: { command: ['python', 'monitor.py'], venv: VENV } },
    deployment,
  });
  const missing = json.findings.filter(({ severity }) => severity === 'problem');
  expect(missing, stderr).toMatchObject([{ code: 'importMissing', setting: 'steps.monitor.command' }]);
  const failed = json.tried.filter(({ state }) => state === 'failed');
  expect(failed.map(({ step, setting }) => `${step}: ${setting}`)).toEqual(['trial: steps.trial', 'api: deployment']);
  expect(failed[0]?.message).toContain('area_under_curve');
  expect(failed[1]).toMatchObject({
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
