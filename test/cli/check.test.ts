import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { PlannedSchedule, ProjectReport } from '../../src/doctor/project.ts';
import type { findingJson } from '../../src/doctor/report.ts';
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

interface Report extends Pick<ProjectReport, 'usable' | 'file' | 'models'> {
  findings: Array<ReturnType<typeof findingJson>>;
  schedules: Array<PlannedSchedule & { when: string }>;
}

async function check(
  cwd: string,
  env: Record<string, string> = {},
  flags = ['--offline'],
): Promise<Report & { code: number }> {
  const { code, out } = await mediwatch(['check', '--json', ...flags], { cwd, env: { ...ENV, ...env } });
  return { code, ...(JSON.parse(out) as Report) };
}

/** Line, setting and code of each finding. */
const found = ({ findings }: Report, severity: 'problem' | 'warning') =>
  findings.filter((one) => one.severity === severity).map(({ line, setting, code }) => `${line} ${setting}: ${code}`);

const factsOf = ({ findings }: Report, code: string) =>
  findings.filter((one) => one.code === code).map(({ facts }) => facts);

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
  expect(found(report, 'problem')).toEqual([]);
  expect(report).toMatchObject({ code: 0, usable: true, file: join(dir, 'mediwatch.yaml') });
  const warnings = report.findings.filter(({ severity }) => severity === 'warning');
  expect(warnings.map(({ check, code }) => `${check}: ${code}`).sort()).toEqual([
    'MLflow: mlflowAway',
    'Temporal: temporalAway',
  ]);
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

test('everything that a command needs and that is not there is reported with its line', async () => {
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
  expect(found(report, 'problem')).toEqual([
    '1 data.path: dataMissing',
    '3 steps.prepare.command[0]: programMissing',
    '4 steps.trial.command: moduleMissing',
    '5 steps.train.command: fileMissing',
    '6 steps.evaluate.command[0]: notExecutable',
    '7 steps.monitor.venv: venvMissing',
    '9 extraSteps[0].cwd: folderMissing',
    '10 extraSteps[1].isolate: notACheckout',
    '11 extraSteps[2].python: fileMissing',
  ]);
  expect(factsOf(report, 'dataMissing')).toEqual([{ path: join(dir, 'nowhere.csv'), isFile: false }]);
  expect(factsOf(report, 'programMissing')).toEqual([{ program: 'no-such-program' }]);
  expect(factsOf(report, 'moduleMissing')).toMatchObject([{ module: 'scripts.b', folder: dir }]);
  expect(factsOf(report, 'fileMissing')).toEqual([
    { path: join(dir, 'scripts/missing.py') },
    { path: join(dir, 'bin/py') },
  ]);
  expect(factsOf(report, 'notExecutable')).toEqual([{ path: join(dir, 'tools/plain.sh') }]);
  expect(factsOf(report, 'venvMissing')).toMatchObject([{ folder: join(dir, '.venv'), isFolder: false }]);
  expect(factsOf(report, 'folderMissing')).toEqual([{ path: join(dir, 'nowhere') }]);
});

test('a program of the virtual environment is found there', async () => {
  const dir = project({
    '.venv/bin/python': SCRIPT,
    '.venv/bin/papermill': SCRIPT,
    'mediwatch.yaml':
      'steps: {train: {command: [papermill, in.ipynb, "{output}/out.ipynb"], venv: .venv}, prepare: {skip: true}}\ndata: {path: .}\n',
  });
  expect(found(await check(dir), 'problem')).toEqual([]);
});

test('what is allowed, and probably not meant, is warned of with its line', async () => {
  const dir = project({
    'a.sh': SCRIPT,
    'mediwatch.yaml': [
      'data: {path: .}',
      'steps: {prepare: {skip: true}, report: {skip: true}, trial: {command: [./a.sh, "{params.json}"]}, train: {command: [./a.sh]}}',
      'search: {metric: rmse, space: {lr: {type: categorical, choices: [0.1]}}}',
      'promotion: {rules: [{metric: r2, direction: lower, maxLoss: 0.1}]}',
      'schedules: {nightly: {workflow: retrain, cron: "30 2 * * *", timeZone: Europe/Berlin}}',
    ].join('\n'),
  });
  const report = await check(dir);
  expect(found(report, 'problem')).toEqual([]);
  expect(found(report, 'warning')).toEqual([
    '3 search.direction: directionDoubtful',
    '4 promotion.rules[0].direction: directionDoubtful',
    '5 schedules.nightly.cron: scheduleSkips',
  ]);
  const trial = report.models[0]?.stages.flatMap(({ steps }) => steps).find(({ name }) => name === 'trial');
  expect(trial).toMatchObject({ command: ['./a.sh', '{"lr":0.1}'], attempts: 1 });
});

test('a worktree is warned of when something is not committed', async () => {
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
  expect(factsOf(await check(dir), 'uncommitted')).toEqual([]);
  writeFileSync(join(dir, 'b.sh'), SCRIPT);
  const changed = await check(dir);
  expect(found(changed, 'warning')).toContain('1 steps.train.isolate: uncommitted');
  expect(factsOf(changed, 'uncommitted')).toEqual([{ changes: 1 }]);
});

test('a step is warned of when its image is not known to be here', async () => {
  const dir = project({
    'mediwatch.yaml':
      'steps: {prepare: {skip: true}, train: {command: [train], image: "team/train:1"}}\ndata: {path: .}\n',
  });
  const report = await check(dir, {}, []);
  expect(report.code).toBe(0);
  // Without a Docker daemon it is not known; with one, the image is not there.
  const [image] = report.findings.filter(({ setting }) => setting === 'steps.train.image');
  expect(image?.code).toMatch(/^stepImage(Unknown|NotHere)$/);
  expect(image).toMatchObject({ severity: 'warning', line: 1, facts: { image: 'team/train:1' } });
});

test('every wrong setting of the file is reported at once, and nothing else is looked at', async () => {
  const dir = project({ 'mediwatch.yaml': 'serch: {}\nsearch: {trials: x}\n' });
  const report = await check(dir);
  expect(report).toMatchObject({ code: 2, usable: false, models: [] });
  expect(report.findings).toMatchObject([
    { code: 'settingWrong', file: join(dir, 'mediwatch.yaml'), line: 1, column: 1, setting: 'serch' },
    { code: 'settingWrong', file: join(dir, 'mediwatch.yaml'), line: 2, column: 18, setting: 'search.trials' },
  ]);
});

test('a schedule that no clock knows is reported with its line', async () => {
  const dir = project({
    ...WORKING,
    'mediwatch.yaml': `${WORKING['mediwatch.yaml'].trim()}\n  odd: {workflow: retrain, cron: "61 * * * *"}\n  zone: {workflow: retrain, cron: "@daily", timeZone: Mars/Base}\n`,
  });
  expect(found(await check(dir), 'problem')).toEqual([
    '17 schedules.odd.cron: settingWrong',
    '18 schedules.zone.timeZone: settingWrong',
  ]);
});

test('variables that set nothing, and secrets that nobody has set, are warned of', async () => {
  const dir = project({
    ...WORKING,
    'mediwatch.yaml': `${WORKING['mediwatch.yaml'].trim()}\nnotifications:\n  - {kind: slack, urlEnv: TEAM_SLACK}\n`,
  });
  const report = await check(dir, { MEDIWATCH_SERCH_TRIALS: '3' });
  expect(report.code).toBe(0);
  const { findings } = report;
  const unknown = findings.find(({ code }) => code === 'variableUnknown');
  expect(unknown).toMatchObject({ severity: 'warning', variable: 'MEDIWATCH_SERCH_TRIALS' });
  expect(unknown?.text).toContain('did you mean "MEDIWATCH_SEARCH_TRIALS"?');
  expect(findings).toContainEqual(expect.objectContaining({ code: 'secretUnset', variable: 'TEAM_SLACK' }));
});

test('of several models each has its plan, and a fault that they share is reported once', async () => {
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
  expect(found(report, 'problem')).toEqual([
    '3 steps.train.command[0]: programMissing',
    '7 models.Sepsis.data.path: dataMissing',
  ]);
});

test('a column that a list names and the data lack is warned of, with what was meant; the bundled lists are not', async () => {
  const rows = Array.from({ length: 90 }, (_, row) => `${row},${row % 3 === 0 ? '<30' : 'NO'},${row},${row % 7}`);
  const dir = project({
    'rows.csv': `${['id,readmitted,patient_no,code', ...rows].join('\n')}\n`,
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
  const path = join(dir, 'rows.csv');
  expect(report).toMatchObject({ code: 0, usable: true });
  expect(found(report, 'warning')).toEqual([
    '6 data.drop[1]: columnUnknown',
    '9 models.B.data.idCategories[0]: columnUnknown',
    '9 models.B.data.idCategories[1]: columnUnknown',
  ]);
  expect(factsOf(report, 'columnUnknown')).toEqual([
    { path, column: 'patient-nr', list: 'drop', meant: ['patient_no'] },
    { path, column: 'cod', list: 'idCategories', meant: ['code'] },
    { path, column: 'weight', list: 'idCategories', meant: [] },
  ]);
  const typed = await check(dir, { MEDIWATCH_DEPLOYMENT_TARGET: 'none', MEDIWATCH_DATA_DROP: 'id, patient' });
  expect(typed.findings).toContainEqual(
    expect.objectContaining({ severity: 'warning', variable: 'MEDIWATCH_DATA_DROP', setting: 'data.drop[1]' }),
  );
  expect(
    found(await check(dir, { MEDIWATCH_DEPLOYMENT_TARGET: 'none', MEDIWATCH_DATA_DROP: 'id' }), 'warning'),
  ).toHaveLength(2);
});

const VENV = join(PROJECT_ROOT, 'python/.venv');

test('what is still to be filled in, and placeholders where none is filled, are problems with their lines', async () => {
  const dir = project({
    'a.sh': SCRIPT,
    'mediwatch.yaml': [
      'registry: {registeredModel: FILL_IN}',
      'data: {path: "rows-{date}.csv"}',
      'steps:',
      '  prepare: {skip: true}',
      '  trial: {command: [./a.sh, "--depth={params.depth}", "{params.rate=0.1}"], cwd: "{project}"}',
      '  train: {command: [./a.sh, "{params.lr}", "{params.json}"], outputs: {pattern: "(?<auc>0[.][0-9]{3})"}}',
      '  monitor: {command: [./a.sh], env: {CODE: FILL_IN}}',
      'search: {trials: 3, space: {lr: {type: float, low: 0.1, high: 1}}}',
      'deployment: {command: [./a.sh, "--port={prot}"]}',
    ].join('\n'),
  });
  const refused = await check(dir);
  expect(found(refused, 'problem')).toEqual([
    '5 steps.trial.command[1]: settingWrong',
    '9 deployment.command[1]: settingWrong',
  ]);
  const text = readFileSync(join(dir, 'mediwatch.yaml'), 'utf8');
  writeFileSync(join(dir, 'mediwatch.yaml'), text.replace('{prot}', '{port}').replace('{params.depth}', '{params.lr}'));
  const report = await check(dir);
  expect(found(report, 'problem').toSorted()).toEqual([
    '1 registry.registeredModel: fillIn',
    '2 data.path: dataMissing',
    '2 data.path: filledNowhere',
    '5 steps.trial.cwd: filledNowhere',
    '5 steps.trial.cwd: folderMissing',
    '7 steps.monitor.env.CODE: fillIn',
  ]);
});

test('a parameter that no search gives is a problem, unless it has a value of its own', async () => {
  const files = { 'a.sh': SCRIPT, 'rows.csv': 'a\n1\n' };
  const settings = (search: string, trial: string) =>
    `data: {path: rows.csv}\nsearch: ${search}\nsteps: {prepare: {skip: true}, trial: ${trial}, train: {command: [./a.sh, "{params.lr}", "{params.n=3}"]}}\n`;
  const unfilled = async (search: string, trial: string) =>
    found(await check(project({ ...files, 'mediwatch.yaml': settings(search, trial) })), 'problem');
  const run = '{command: [./a.sh, "{params.lr}"]}';
  expect(await unfilled('{space: {lr: {type: float, low: 0.1, high: 1}}}', run)).toEqual([]);
  expect(await unfilled('{trials: 0}', '{skip: true}')).toEqual(['3 steps.train.command: parameterUnfilled']);
  expect(await unfilled('{trials: 5}', run)).toEqual([
    '3 steps.trial.command: parameterUnfilled',
    '3 steps.train.command: parameterUnfilled',
  ]);
});

test('modules, apps and imports are looked up by the Python of the command, which imports none of them', async () => {
  const stop = 'raise SystemExit("imported")\n';
  const dir = project({
    'api/__init__.py': stop,
    'api/main.py': `import fastapi\n${stop}app = 1\n`,
    'src/churn/__init__.py': '',
    'src/churn/fit.py': 'import sklearn\nfrom churn.table import read\n',
    'src/churn/table.py':
      'import pandas\nimport no_such_reader\ntry:\n    import polars_not_here\nexcept ImportError:\n    pass\n',
    'notes.py': `import sys\nsys.path.insert(0, "lib")\nimport elsewhere\n`,
    'rows.csv': 'a\n1\n',
    'mediwatch.yaml': [
      'data: {path: rows.csv}',
      'steps:',
      `  prepare: {command: [python, notes.py, "{data}"], venv: ${VENV}}`,
      `  trial: {command: [python, -m, churn.fit], cwd: src, venv: ${VENV}}`,
      `  train: {command: [python, -m, churn], cwd: src, venv: ${VENV}}`,
      `  evaluate: {command: [python, -m, churn.judge], cwd: src, venv: ${VENV}}`,
      `deployment: {command: [uvicorn, "api.main:application", "--port={port}"], venv: ${VENV}}`,
    ].join('\n'),
  });
  const report = await check(dir);
  expect(found(report, 'problem')).toEqual([
    '4 steps.trial.command: importMissing',
    '5 steps.train.command: moduleNotRunnable',
    '6 steps.evaluate.command: moduleMissing',
    '7 deployment.command: appMissing',
  ]);
  expect(factsOf(report, 'importMissing')).toMatchObject([{ module: 'no_such_reader', where: 'churn/table.py:2' }]);
  expect(factsOf(report, 'appMissing')).toMatchObject([{ app: 'api.main:application', isModule: false }]);
  expect(readdirSync(join(dir, 'api')).sort()).toEqual(['__init__.py', 'main.py']);
});

test('the values of a table are read by what will prepare them', async () => {
  const rows = Array.from({ length: 5_000 }, (_, row) => `${row % 50},${row < 4_000 ? 'no' : 'yes'}`);
  const settings = 'data: {path: rows.csv, target: sold, positive: "yes", group: null}\n';
  const read = async (lines: readonly string[]) =>
    await check(project({ 'rows.csv': ['price,sold', ...lines].join('\n'), 'mediwatch.yaml': settings }));
  const good = await read(rows);
  expect(found(good, 'problem')).toEqual([]);
  expect(factsOf(good, 'dataRead')).toEqual([{ rows: 5_000, features: 1, isSample: false }]);
  const broken = await read([...rows.slice(0, 10), '3,yes,PATIENT-7', ...rows.slice(10)]);
  expect(found(broken, 'problem')).toEqual(['1 data.path: dataRefused']);
  expect(JSON.stringify(broken)).not.toContain('PATIENT-7');
});

test.each([
  ['semicolons', (text: string) => Buffer.from(text.replaceAll(',', ';'))],
  ['tabs', (text: string) => Buffer.from(text.replaceAll(',', '\t'))],
  ['UTF-16', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['Latin-1', (text: string) => Buffer.from(text, 'latin1')],
])('a table with %s is read as preparing it reads it, and its target is looked for', async (_, encode) => {
  const rows = Array.from({ length: 600 }, (_, row) => `${row % 50},${row % 5 === 0 ? 'yes' : 'no'}`);
  const read = async (target: string) => {
    const settings = `data: {path: rows.csv, target: ${target}, positive: "yes", group: null}\n`;
    const dir = project({ 'mediwatch.yaml': settings });
    writeFileSync(join(dir, 'rows.csv'), encode(['price,verkäuflich', ...rows].join('\n')));
    return await check(dir);
  };
  const good = await read('verkäuflich');
  expect(found(good, 'problem')).toEqual([]);
  expect(factsOf(good, 'dataRead')).toMatchObject([{ rows: 600, features: 1 }]);
  expect(found(await read('bought'), 'problem')).toHaveLength(1);
});

test('settings that are not committed are warned of where a step runs from what is', async () => {
  const dir = project({
    'a.sh': SCRIPT,
    'rows.csv': 'a\n1\n',
    'mediwatch.yaml':
      'data: {path: rows.csv}\nsteps: {prepare: {skip: true}, train: {command: [./a.sh], isolate: worktree}}\n',
  });
  const git = (...args: string[]) =>
    execaSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: dir });
  git('init', '-q');
  git('add', 'a.sh', 'rows.csv');
  git('commit', '-q', '-m', 'first');
  expect(found(await check(dir), 'warning')).toContain('2 steps.train.isolate: settingsUncommitted');
  git('add', '.');
  git('commit', '-q', '-m', 'second');
  expect(factsOf(await check(dir), 'settingsUncommitted')).toEqual([]);
});

test('a step that asks for more GPUs than this machine has is warned of with its line', async () => {
  const settings = 'steps:\n  train:\n    command: [tools/train.sh]\n    gpus: 2\n';
  // No machine of ours has a GPU: a program of this name says that there is one.
  const dir = project({
    'tools/train.sh': SCRIPT,
    'bin/nvidia-smi': '#!/bin/sh\necho 0\n',
    'mediwatch.yaml': settings,
  });
  const path = `${join(dir, 'bin')}:${process.env.PATH}`;
  expect(found(await check(dir, { PATH: path, CUDA_VISIBLE_DEVICES: '0,1' }), 'warning')).toEqual([]);
  const report = await check(dir, { PATH: path });
  expect(found(report, 'warning')).toEqual(['4 steps.train.gpus: tooFewGpus']);
  expect(factsOf(report, 'tooFewGpus')).toEqual([{ wanted: 2, found: 1 }]);
});
