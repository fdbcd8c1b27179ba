import { expect, test } from 'vitest';
import { load, messages, refusal } from './support.ts';

/** A wrong file, and the messages about it: line and column, setting, and what was meant. */
const WRONG: Record<string, [text: string, messages: string[]]> = {
  'an unknown section': ['serch:\n  trials: 3\n', ['1:1 serch: unknown setting; did you mean "search"?']],
  'an unknown key': [
    'steps:\n  trial:\n    comand: [python, train.py]\n',
    ['3:5 steps.trial.comand: unknown setting; did you mean "command"?'],
  ],
  'a key of another section': [
    'data:\n  path: x.csv\ntrials: 3\n',
    ['3:1 trials: unknown setting; did you mean "search.trials"?'],
  ],
  'a key that means nothing': [
    'training:\n  algorithm: hgb\n',
    ['2:3 training.algorithm: unknown setting; known here: model'],
  ],
  'text for a number': [
    'search:\n  trials: many\n',
    ['2:11 search.trials: expected a whole number, such as 20; got the text "many"'],
  ],
  'a time with its unit': [
    'steps:\n  train:\n    timeout: 5 min\n',
    [
      '3:14 steps.train.timeout: expected a number (seconds), such as 3600; got the text "5 min"; write the number alone',
    ],
  ],
  'a truth for a number': ['search:\n  parallel: true\n', ['2:13 search.parallel: expected a whole number; got true']],
  'a fraction for a whole number': [
    'search:\n  trials: 1.5\n',
    ['2:11 search.trials: expected a whole number, such as 20; got the number 1.5'],
  ],
  'a number out of range': [
    'rollout:\n  share: 1\nsearch:\n  parallel: 0\n',
    [
      '2:10 rollout.share: expected a number below 1; got 1',
      '4:13 search.parallel: expected a whole number from 1 on; got 0',
    ],
  ],
  'a number for text': [
    'data:\n  positive: 1\n',
    ['2:13 data.positive: expected text; got the number 1; put it in quotes: "1"'],
  ],
  'a key without a value': [
    'data:\n  seed:\n  path: x.csv\n',
    ['2:3 data.seed: expected a whole number, such as 42; got nothing; leave the line out for the default'],
  ],
  'a command that is no list': [
    'steps:\n  train:\n    command: python train.py --lr {params.lr}\n',
    [
      '3:14 steps.train.command: expected a list of text; got the text "python train.py --lr {params.lr}"; ' +
        'write [python, train.py, --lr, "{params.lr}"]',
    ],
  ],
  'an empty command': ['steps:\n  train:\n    command: []\n', ['3:5 steps.train.command: is empty']],
  'a truth as YAML had it once': [
    'docker:\n  push: yes\n',
    ['2:9 docker.push: expected true or false; got the text "yes"; write true'],
  ],
  'a word that is none of those allowed': [
    'search:\n  direction: maximise\n',
    ['2:14 search.direction: expected one of maximize, minimize; got the text "maximise"; did you mean "maximize"?'],
  ],
  'a wrong entry of a list': [
    'worker:\n  roles:\n    - training\n    - trainin\n',
    [
      '4:7 worker.roles[1]: expected one of orchestration, training, deployment; got the text "trainin"; ' +
        'did you mean "training"?',
    ],
  ],
  'a kind that does not exist': [
    'search:\n  space:\n    lr: {type: flaot, low: 0, high: 1}\n',
    ['3:16 search.space.lr.type: expected one of float, int, categorical; got the text "flaot"; did you mean "float"?'],
  ],
  'a field that is missing': [
    'notifications:\n  - kind: slack\n',
    ['2:5 notifications[0].urlEnv: is missing: expected text'],
  ],
  'an unknown placeholder': [
    'steps:\n  trial:\n    command:\n      - train.sh\n      - "{parms.lr}"\n',
    ['5:9 steps.trial.command[1]: unknown placeholder {parms.lr}, did you mean {params.lr}?'],
  ],
  'an unknown placeholder in the environment': [
    'steps:\n  train:\n    command: [t]\n    env: {RUN: "{runid}"}\n',
    ['4:16 steps.train.env.RUN: unknown placeholder {runid}, did you mean {runId}?'],
  ],
  'GPUs for a bundled step': [
    'steps:\n  train:\n    gpus: 1\n',
    ['3:11 steps.train.gpus: needs a command: the bundled steps use no GPU'],
  ],
  'more GPUs than the worker has': [
    'worker:\n  gpus: [0, GPU-b]\nextraSteps:\n  - {name: a, after: promote, command: [x], gpus: 3}\n',
    ['4:51 extraSteps[0].gpus: is 3, and worker.gpus has 2'],
  ],
  'GPUs that are named twice': [
    'steps:\n  train: {command: [t], gpus: 1, env: {CUDA_VISIBLE_DEVICES: "0"}}\n',
    ['2:31 steps.train.gpus: gives it GPUs, and so does its env.CUDA_VISIBLE_DEVICES: remove one of them'],
  ],
  'an extra step beside nothing': [
    'extraSteps:\n  - name: tell\n    after: promot\n    command: [x]\n',
    [
      '3:12 extraSteps[0].after: "tell" stands beside "promot", which is none of prepareData, hyperparameterSearch, ' +
        'trainBestAndRegister, promote, redeploy, tell; did you mean "promote"?',
    ],
  ],
  'extra steps in a circle': [
    'extraSteps:\n  - {name: a, after: b, command: [x]}\n  - {name: b, before: a, command: [x]}\n',
    ['2:22 extraSteps[0].after: extra steps go round in a circle: a → b → a'],
  ],
  'two extra steps of one name': [
    'extraSteps:\n  - {name: a, after: promote, command: [x]}\n  - {name: a, before: promote, command: [x]}\n',
    ['3:12 extraSteps[1].name: two extra steps are called "a"'],
  ],
  'an extra step without a place': [
    'extraSteps:\n  - name: a\n    command: [x]\n',
    ['2:5 extraSteps[0]: give either before or after'],
  ],
  'an extra step with two places': [
    'extraSteps:\n  - name: a\n    before: promote\n    after: redeploy\n    command: [x]\n',
    ['2:5 extraSteps[0]: give either before or after'],
  ],
  'a schedule without a time': [
    'schedules:\n  nightly:\n    workflow: retrain\n',
    ['2:3 schedules.nightly: give either cron or every'],
  ],
  'a schedule with a wrong input': [
    'schedules:\n  nightly:\n    workflow: retrain\n    every: 3600\n    input: {trails: 3}\n',
    ['5:13 schedules.nightly.input.trails: unknown setting; did you mean "trials"?'],
  ],
  'a parameter that is not searched': [
    'search:\n  space: {learning_rate: {type: float, low: 0, high: 1}}\nsteps:\n  trial:\n' +
      '    command: [t, "{params.learning-rate}", "{params.learnin_rate}", "{params.other=1}"]\n',
    [
      '5:44 steps.trial.command[2]: {params.learnin_rate} is no parameter of search.space, which has learning_rate; ' +
        'did you mean "learning_rate"?',
    ],
  ],
  'a pattern that finds nothing': [
    'steps:\n  train: {command: [t], outputs: {pattern: "auc=.*"}}\n  trial: {command: [t], outputs: {pattern: "("}}\n',
    [
      '2:44 steps.train.outputs.pattern: has no named group: write (?<auc>[\\d.]+) where the metric "auc" stands',
      '3:44 steps.trial.outputs.pattern: is not a regular expression: Invalid regular expression: /(/: Unterminated group',
    ],
  ],
  'a step that is skipped and has a command': [
    'steps:\n  prepare:\n    command: [x]\n    skip: true\n',
    ['4:5 steps.prepare.skip: is skipped and has a command: remove one of them'],
  ],
  'a step that cannot be skipped': [
    'steps:\n  train:\n    skip: true\n',
    ['3:5 steps.train.skip: cannot be left out; "prepare", "search", "trial", "evaluate", "report" and "monitor" can'],
  ],
  'splits that leave nothing to train on': [
    'data:\n  testFraction: 0.6\n  validationFraction: 0.4\n',
    [
      '3:23 data.validationFraction: testFraction 0.6 and validationFraction 0.4 leave nothing to train on: ' +
        'together they must be below 1',
    ],
  ],
  'a split that leaves nothing beside the default of the other': [
    'data:\n  testFraction: 0.85\n',
    [
      '2:17 data.testFraction: testFraction 0.85 and validationFraction 0.15 leave nothing to train on: ' +
        'together they must be below 1',
    ],
  ],
  'a window that never has the rows of a check': [
    'monitoring:\n  minRows: 2000\n',
    ['2:12 monitoring.minRows: a window of 1000 rows (currentRows) never has the 2000 that a check needs (minRows)'],
  ],
  'a window of one model that never has the rows of a check': [
    'monitoring:\n  minRows: 500\nmodels:\n  A: {monitoring: {currentRows: 100}}\n',
    [
      '4:33 models.A.monitoring.currentRows: a window of 100 rows (currentRows) never has the 500 that a check ' +
        'needs (minRows)',
    ],
  ],
  'a key that is there twice': [
    'search:\n  trials: 1\n  sampler: tpe\n  trials: 2\n',
    ['4:3 search.trials: is there twice: keep one of them'],
  ],
  'a tab': [
    'search:\n  trials: 1\n\tparallel: 2\n',
    ['3:1 : indented with a tab, which YAML does not allow: indent with spaces'],
  ],
  'a word with a * that is not quoted': [
    'data:\n  path: *.csv\n  drop: [a, *b]\n',
    [
      '2:9 data.path: a word that begins with * must be quoted, unless it names an anchor (&name) further up',
      '3:13 data.drop[1]: a word that begins with * must be quoted, unless it names an anchor (&name) further up',
    ],
  ],
  'an alias above its anchor': [
    'steps:\n  train: *t\n  trial: &t\n    command: [x]\n',
    ['2:10 steps.train: a word that begins with * must be quoted, unless it names an anchor (&name) further up'],
  ],
  'a * in the place of a name': [
    'docker:\n  env:\n    ? *a\n    : 1\n',
    ['3:7 docker.env: a word that begins with * must be quoted, unless it names an anchor (&name) further up'],
  ],
  'more aliases than are followed': [
    `data:\n  path: &x a\n  drop: [${'*x, '.repeat(150)}]\n`,
    [
      '3:10 data.drop[0]: there are more aliases (words that begin with *) than are followed: write out what they stand for',
    ],
  ],
  'a list in place of sections': [
    '- search\n',
    ['1:1 : expected a mapping of sections, such as "data:" and "search:"'],
  ],
};

test.each(Object.entries(WRONG))('%s is reported with its line and what was meant', (_, [text, expected]) => {
  expect(messages(text)).toEqual(expected);
});

test('what is no YAML is reported with its line', () => {
  const [problem] = refusal('search: {trials: 3\ndata:\n  path: x\n').problems;
  expect(problem).toMatchObject({ line: 2, message: expect.stringContaining('not YAML') });
});

test('everything that is wrong is reported at once, in the order of the file, each with its line', () => {
  const text = 'data:\n  sed: 3\nsearch:\n  trials: x\nsteps:\n  trial: {command: [t, "{parms.lr}"], tiemout: 3}\n';
  const { message, problems } = refusal(text, { MEDIWATCH_DOCKER_PUSH: 'perhaps' });
  expect(problems.map(({ path }) => path)).toEqual([
    'docker.push',
    'data.sed',
    'search.trials',
    'steps.trial.command[1]',
    'steps.trial.tiemout',
  ]);
  expect(message).toContain('mediwatch.yaml and the environment have 5 settings that cannot be used');
  expect(message).toContain('mediwatch.yaml:4:11: search.trials: expected a whole number');
  expect(message).toContain('    4 |   trials: x\n      |           ^');
});

test('a file elsewhere is named by its whole path', () => {
  expect(refusal('', { MEDIWATCH_CONFIG: '/nowhere/own.yaml' }).message).toContain('/nowhere/own.yaml');
});

test('a secret is not shown', () => {
  const { message, problems } = refusal('mlflow:\n  password: 12345\n  usrname: me\n');
  expect(problems.map(({ line }) => line)).toEqual([2, 3]);
  expect(message).not.toContain('12345');
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
  '%s, which every object has, is no setting',
  (key) => {
    const unknown = (text: string) => messages(text).map((line) => line.replace(/; known here: .*$/, ''));
    for (const value of ['1', '', '{a: 1}', '[x]']) {
      expect(unknown(`${key}: ${value}\n`)).toEqual([`1:1 ${key}: unknown setting`]);
      expect(unknown(`search:\n  ${key}: ${value}\n`)).toEqual([`2:3 search.${key}: unknown setting`]);
      expect(unknown(`models:\n  A:\n    ${key}: ${value}\n`)).toEqual([`3:5 models.A.${key}: unknown setting`]);
      expect(unknown(`models:\n  A:\n    mlflow: {${key}: 1}\n`)).toEqual([
        `3:14 models.A.mlflow.${key}: unknown setting`,
      ]);
    }
    expect(messages(`steps:\n  train:\n    command: [x, "{${key}}"]\n`)).toEqual([
      expect.stringContaining(`unknown placeholder {${key}}`),
    ]);
  },
);

test('a word with a * in the place of a secret is not shown', () => {
  const { message } = refusal('mlflow:\n  password: *s3cret\n');
  expect(message).toContain('mediwatch.yaml:2:13: mlflow.password: a word that begins with *');
  expect(message).not.toContain('s3cret');
});

test('an empty section is as if it were absent', () => {
  const config = load('search:\nschedules:\nextraSteps:\nsteps:\n  train:\nmodels:\n');
  expect(config.search.trials).toBe(20);
  expect(config.steps.train.command).toBeUndefined();
});

test('a fault in an alias is reported where it was written out', () => {
  expect(messages('steps:\n  train: &t\n    comand: [x]\n  trial: *t\n').sort()).toEqual([
    '3:5 steps.train.comand: unknown setting; did you mean "command"?',
    '3:5 steps.trial.comand: unknown setting; did you mean "command"?',
  ]);
});

test('numbers that only a bundled step refuses are left to a command of the project', () => {
  const text = 'data: {testFraction: 0.6, validationFraction: 0.4}\nmonitoring: {minRows: 2000}\n';
  expect(messages(text)).toHaveLength(2);
  const own = 'steps: {prepare: {command: [x]}, monitor: {command: [x]}}\n';
  expect(load(text + own).monitoring.minRows).toBe(2000);
  expect(load('monitoring: {minRows: 2000, currentHours: 24}\n').monitoring.currentHours).toBe(24);
});
