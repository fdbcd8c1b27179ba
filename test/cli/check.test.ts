import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../src/cli/check/check.ts';
import { mediwatch, NOWHERE } from './support.ts';

/** Neither Temporal nor MLflow answers: that must not keep a file from being checked. */
const ENV = {
  TEMPORAL_ADDRESS: NOWHERE,
  MLFLOW_TRACKING_URI: `http://${NOWHERE}`,
  PATH: process.env.PATH ?? '',
  DOCKER_HOST: `tcp://${NOWHERE}`,
};

/** A checkout of somebody else's with files in it; programs are executable. */
function project(files: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), 'mediwatch-check-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
    if (text.startsWith('#!')) chmodSync(join(dir, name), 0o755);
  }
  return dir;
}

async function check(
  cwd: string,
  env: Record<string, string> = {},
  flags = ['--offline'],
): Promise<Report & { code: number }> {
  const { code, out } = await mediwatch(['check', '--json', ...flags], { cwd, env: { ...ENV, ...env } });
  return { code, ...(JSON.parse(out) as Report) };
}

const told = ({ remarks }: Report, level: 'problem' | 'warning') =>
  remarks.filter((one) => one.level === level).map(({ line, path, message }) => `${line} ${path}: ${message}`);

const SCRIPT = '#!/bin/sh\n';
const WORKING = {
  'data/rows.csv': 'a,b\n1,2\n',
  'scripts/train.py': '',
  'tools/split.sh': SCRIPT,
  'mediwatch.yaml': `
data: {path: data}
search:
  trials: 4
  metric: val_auc
  space:
    lr: {type: float, low: 0.001, high: 0.1, log: true}
    n-estimators: {type: int, low: 50, high: 300}
steps:
  prepare: {command: [tools/split.sh, "{data}", "{output}"]}
  trial: {command: [python3, -m, scripts.train, --lr, "{params.lr}", "--n={params.n_estimators}"], isolate: copy, timeout: 600}
  train: {command: [python3, scripts/train.py, "{params}", --run, "{runId}"], outputs: {metrics: {test_auc: auc}}}
  monitor: {skip: true}
extraSteps:
  - {name: tell, after: promote, command: [sh, tools/split.sh, "{version}"]}
schedules:
  nightly: {workflow: retrain, cron: "0 2 * * *", timeZone: Europe/London}
`,
};

test('a file that can be used ends with 0, although nothing answers yet, and leaves no trace', async () => {
  const dir = project(WORKING);
  const report = await check(dir, {}, []);
  expect(told(report, 'problem')).toEqual([]);
  expect(report).toMatchObject({ code: 0, usable: true, file: join(dir, 'mediwatch.yaml') });
  expect(report.servers.map(({ name, answers }) => [name, answers])).toEqual([
    ['Temporal', false],
    ['MLflow', false],
  ]);
  expect(report.remarks.map(({ path }) => path).sort()).toEqual(['MLflow', 'Temporal']);
  expect(readdirSync(dir).sort()).toEqual(['data', 'mediwatch.yaml', 'scripts', 'tools']);
});

test('the plan shows what would be run, in order, with samples for what is not known', async () => {
  const dir = project(WORKING);
  const { models, schedules } = await check(dir);
  const steps = models.flatMap(({ stages }) =>
    stages.flatMap(({ before, steps: own, after }) => [...before, ...own, ...after]),
  );
  expect(steps.map(({ name, how }) => `${name} ${how}`)).toEqual([
    'prepare command',
    'trial command',
    'train command',
    'evaluate bundled',
    'tell command',
    'monitor skipped',
  ]);
  expect(steps.map(({ command }) => command?.join(' ') ?? '')).toEqual([
    `tools/split.sh ${join(dir, 'data')} <output>`,
    'python3 -m scripts.train --lr 0.01 --n=175',
    'python3 scripts/train.py --lr 0.01 --n-estimators 175 --run <runId>',
    '',
    'sh tools/split.sh <version>',
    '',
  ]);
  expect(steps[1]).toMatchObject({ timeoutSeconds: 600, where: `in a copy of ${dir}` });
  expect(steps[1]?.results).toContain('val_auc');
  expect(schedules).toMatchObject([{ name: 'nightly', workflow: 'retrain', next: { length: 3 } }]);
  expect(schedules[0]?.when).toContain('02:00');
  expect(new Date(schedules[0]?.next[0] ?? 0).getTime()).toBeGreaterThan(Date.now());
});

test('a reader sees the same', async () => {
  const { code, out } = await mediwatch(['check', '--offline'], { cwd: project(WORKING), env: ENV });
  expect(code).toBe(0);
  expect(out).toContain('what a retrain would do');
  expect(out).toContain('trial: python3 -m scripts.train --lr 0.01');
  expect(out).toContain('It can be used');
});

test('whatever a command needs and is not there is told with its line', async () => {
  const dir = project({
    'scripts/a.py': '',
    'tools/plain.sh': 'echo\n',
    'mediwatch.yaml': [
      'data: {path: nowhere.csv}',
      'steps:',
      '  prepare: {command: [no-such-program, "{data}"]}',
      '  trial: {command: [python3, -m, scripts.b]}',
      '  train: {command: [python3, missing.py], cwd: scripts}',
      '  evaluate: {command: [tools/plain.sh]}',
      '  monitor: {command: [python, x.py], venv: .venv}',
      'extraSteps:',
      '  - {name: one, after: promote, cwd: nowhere, command: [sh]}',
      '  - {name: two, after: promote, isolate: worktree, command: [sh]}',
      '  - {name: three, after: promote, python: bin/py, command: [python, -c, "1"]}',
    ].join('\n'),
  });
  const report = await check(dir);
  expect(report).toMatchObject({ code: 2, usable: false });
  expect(told(report, 'problem')).toEqual([
    `1 data.path: there is no ${join(dir, 'nowhere.csv')}`,
    '3 steps.prepare.command[0]: the program "no-such-program" is not on the search path; install it, or set venv, python or image',
    expect.stringContaining(`4 steps.trial.command: there is no module scripts.b in ${dir}`),
    `5 steps.train.command: there is no ${join(dir, 'scripts/missing.py')}`,
    expect.stringContaining(`6 steps.evaluate.command[0]: ${join(dir, 'tools/plain.sh')} is not executable`),
    expect.stringContaining(`7 steps.monitor.venv: ${join(dir, '.venv')} is not there`),
    `9 extraSteps[0].cwd: there is no folder ${join(dir, 'nowhere')}`,
    expect.stringContaining('10 extraSteps[1].isolate: '),
    `11 extraSteps[2].python: there is no ${join(dir, 'bin/py')}`,
  ]);
});

test('a program of the virtual environment is found there', async () => {
  const dir = project({
    '.venv/bin/python': SCRIPT,
    '.venv/bin/papermill': SCRIPT,
    'mediwatch.yaml':
      'steps: {train: {command: [papermill, in.ipynb, "{output}/out.ipynb"], venv: .venv}, prepare: {skip: true}}\ndata: {path: .}\n',
  });
  expect(told(await check(dir), 'problem')).toEqual([]);
});

test('a worktree is warned of when there is what is not committed', async () => {
  const dir = project({
    'a.sh': SCRIPT,
    'mediwatch.yaml':
      'steps: {prepare: {skip: true}, train: {command: [./a.sh], isolate: worktree}}\ndata: {path: .}\n',
  });
  const git = (...args: string[]) =>
    execaSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
  expect(told(await check(dir), 'warning').join()).not.toContain('isolate');
  writeFileSync(join(dir, 'b.sh'), SCRIPT);
  expect(told(await check(dir), 'warning').join()).toContain('steps.train.isolate: 1 change in the checkout');
});

test('an image is warned of when nobody can tell whether it is here', async () => {
  const dir = project({
    'mediwatch.yaml':
      'steps: {prepare: {skip: true}, train: {command: [train], image: "team/train:1"}}\ndata: {path: .}\n',
  });
  const report = await check(dir, {}, []);
  expect(report.code).toBe(0);
  expect(told(report, 'warning').join('\n')).toMatch(/1 steps\.train\.image: .*team\/train:1/);
});

test('every wrong setting of the file is told at once, and nothing else is looked at', async () => {
  const dir = project({ 'mediwatch.yaml': 'serch: {}\nsearch: {trials: x}\n' });
  const report = await check(dir);
  expect(report).toMatchObject({ code: 2, usable: false, models: [], servers: [] });
  expect(report.remarks).toMatchObject([
    { file: join(dir, 'mediwatch.yaml'), line: 1, column: 1, path: 'serch' },
    { file: join(dir, 'mediwatch.yaml'), line: 2, column: 18, path: 'search.trials' },
  ]);
});

test('a schedule that no clock knows is told with its line', async () => {
  const dir = project({
    ...WORKING,
    'mediwatch.yaml': `${WORKING['mediwatch.yaml'].trim()}\n  odd: {workflow: retrain, cron: "61 * * * *"}\n  zone: {workflow: retrain, cron: "@daily", timeZone: Mars/Base}\n`,
  });
  const problems = told(await check(dir), 'problem');
  expect(problems[0]).toMatch(/^17 schedules\.odd\.cron: /);
  expect(problems[1]).toMatch(/^18 schedules\.zone\.timeZone: /);
});

test('variables that set nothing, and secrets that nobody has set, are warned of', async () => {
  const dir = project({
    ...WORKING,
    'mediwatch.yaml': `${WORKING['mediwatch.yaml'].trim()}\nnotifications:\n  - {kind: slack, urlEnv: TEAM_SLACK}\n`,
  });
  const report = await check(dir, { MEDIWATCH_SERCH_TRIALS: '3' });
  expect(report.code).toBe(0);
  const warnings = report.remarks.map(({ variable, path, message }) => `${variable ?? path}: ${message}`);
  expect(warnings).toContain(
    'MEDIWATCH_SERCH_TRIALS: no setting is set by this variable; did you mean "MEDIWATCH_SEARCH_TRIALS"?',
  );
  expect(warnings.join()).toContain('TEAM_SLACK: is not set here');
});

test('of several models each has its plan, and what they share is told once', async () => {
  const dir = project({
    'sepsis.csv': 'x\n',
    'mediwatch.yaml': [
      'data: {path: sepsis.csv}',
      'deployment: {target: none}',
      'steps: {prepare: {skip: true}, trial: {skip: true}, train: {command: [no-such-program]}}',
      'models:',
      '  Readmit:',
      '  Sepsis:',
      '    data: {path: other.csv}',
    ].join('\n'),
  });
  const report = await check(dir);
  expect(report.models.map(({ registeredModel }) => registeredModel)).toEqual(['Readmit', 'Sepsis']);
  expect(told(report, 'problem')).toEqual([
    expect.stringContaining('3 steps.train.command[0]: the program "no-such-program"'),
    `7 models.Sepsis.data.path: there is no ${join(dir, 'other.csv')}`,
  ]);
});

test('a column that a list names and the data lack is warned of, with what was meant; the bundled lists are not', async () => {
  const dir = project({
    'rows.csv': 'id,readmitted,patient_no,code\n1,NO,2,3\n',
    'mediwatch.yaml': [
      'data:',
      '  path: rows.csv',
      '  group: patient_no',
      '  drop:',
      '    - id',
      '    - patient-nr',
      'models:',
      '  A:',
      '  B: {data: {idCategories: [cod, weight]}}',
    ].join('\n'),
  });
  const report = await check(dir, { MEDIWATCH_DEPLOYMENT_TARGET: 'none' });
  const file = join(dir, 'rows.csv');
  expect(report).toMatchObject({ code: 0, usable: true });
  expect(told(report, 'warning')).toEqual([
    `6 data.drop[1]: ${file} has no column "patient-nr" (data.drop); did you mean "patient_no"?`,
    `9 models.B.data.idCategories[0]: ${file} has no column "cod" (data.idCategories); did you mean "code"?`,
    `9 models.B.data.idCategories[1]: ${file} has no column "weight" (data.idCategories)`,
  ]);
  const typed = await check(dir, { MEDIWATCH_DEPLOYMENT_TARGET: 'none', MEDIWATCH_DATA_DROP: 'id, patient' });
  expect(typed.remarks).toContainEqual(
    expect.objectContaining({ level: 'warning', variable: 'MEDIWATCH_DATA_DROP', path: 'data.drop[1]' }),
  );
  expect(
    told(await check(dir, { MEDIWATCH_DEPLOYMENT_TARGET: 'none', MEDIWATCH_DATA_DROP: 'id' }), 'warning'),
  ).toHaveLength(2);
});
