import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { PROJECT_ROOT } from '../../../src/config.ts';
import type { Outcome } from '../../../src/contracts/tried.ts';
import { mediwatch } from '../../support/command.ts';

const PROJECT = join(import.meta.dirname, '../inputs/try-project');

export const VENV = join(PROJECT_ROOT, 'python/.venv');
const train = {
  command: ['python', 'train.py', '{data}', '--depth={params.depth}', '--name={registeredModel}'],
  venv: VENV,
};
export const GOOD = {
  registry: { registeredModel: 'Parcels' },
  data: { path: 'parcels.csv', target: 'late', positive: '1', group: null },
  search: { metric: 'auc', trials: 3, space: { depth: { type: 'int', low: 1, high: 4 } } },
  steps: {
    prepare: { skip: true },
    trial: { command: ['python', 'train.py', '{data}', '--depth={params.depth}'], venv: VENV },
    train: { ...train, outputs: { metrics: { test_auc: 'auc' } } },
    evaluate: {
      command: ['python', 'evaluate.py', '{data}', 'models:/{registeredModel}/{version}'],
      venv: VENV,
      outputs: { metrics: { test_auc: 'auc' } },
    },
    report: { command: ['python', 'page.py', '{version}', '{output}'], venv: VENV },
    monitor: { command: ['python', 'drift.py', '{log}', '{output}'], venv: VENV },
  },
  monitoring: { log: 'log.csv' },
  deployment: {
    command: ['python3', 'serve.py'],
    env: { VERSION: '{version}' },
    healthTimeout: 20,
    contract: { health: { version: 'model.tag' }, predict: { request: 'request.json', predictions: 'late' } },
    example: 'parcels.json',
  },
};

let dirs: string[] = [];
export function removeTried(): void {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  dirs = [];
}

interface Tried {
  usable: boolean;
  tried: Array<Omit<Outcome, 'setting'> & { setting: string | null }>;
  findings: Array<{ code: string; setting: string | null; severity: string }>;
}

/** Runs `mediwatch try` in a copy of the project, with a folder for temporary files of its own. */
export async function tryOut(settings: object) {
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
    join(dir, 'log.csv'),
    ['ts,km,prob', ...rows.map((row) => `2026-01-01,${row.split(',')[0]},0.5`)].join('\n'),
  );
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
