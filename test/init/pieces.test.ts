import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commandsOf } from '../../src/init/declared.ts';
import { render, said } from '../../src/init/entries.ts';
import { detectEnvironment } from '../../src/init/environment.ts';
import { forGate, forSearch, parametersOf } from '../../src/init/hyperparameters.ts';
import { parseHelp } from '../../src/init/index.ts';
import { detectDockerfiles } from '../../src/init/servers.ts';
import { isTemplate, runsOf } from '../../src/init/shell.ts';
import { asSources, readSources } from '../../src/init/sources.ts';
import { detectTracking } from '../../src/init/tracking.ts';
import type { ProjectView } from '../../src/init/view.ts';

/** A project that is nothing but texts. */
const viewOf = (files: Record<string, string>): ProjectView => ({
  root: '/nowhere',
  name: 'p',
  files: Object.keys(files).sort(),
  environments: [],
  tracked: new Set(),
  text: (path) => files[path],
  size: () => 0,
  leftOut: [],
});

describe('command lines', () => {
  const view = viewOf({ 'scripts/train.py': '', 'training/fit.py': '', 'run.py': '', 'a/b.py': '', 'train.py': '' });
  const runs = (line: string) =>
    runsOf(line, commandsOf(view), { where: 'README.md', name: '', cwd: '', variables: {}, depth: 0 });

  it.each([
    ['cd /opt/x && python -m scripts.train --lr 0.1', 'scripts/train.py', ['--lr', '0.1'], ''],
    ['cd training; MODE=fast poetry run python3.11 -u fit.py "a b" > out.log', 'training/fit.py', ['a b'], 'training'],
    ['cd /srv/p/training && ../.venv/bin/python fit.py /srv/p/run.py', 'training/fit.py', ['run.py'], 'training'],
    ['uv run ./run.py', 'run.py', [], ''],
    ['python -m a.b \\\n  --day {{ ds }} --key $KEY', 'a/b.py', ['--day', '{{ds}}', '--key', '$KEY'], ''],
    ['$ python train.py', 'train.py', [], ''],
    ['for x in 1 2; do python train.py $x 2>&1 | tee log; done', 'train.py', ['$x'], ''],
  ])('%s', (line, script, args, cwd) => {
    const [found] = runs(line);
    expect(found).toMatchObject({ script, cwd });
    expect(found?.words.slice(found.head)).toEqual(args);
  });

  it('what only its own place knows is distinguished', () => {
    expect(['{{ds}}', '$KEY', '--day={{ ds }}', 'plain', '0.1'].map(isTemplate)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('no text is too odd', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(runs(`python ${text}`))));
  });
});

describe('metrics', () => {
  const NAMES = ['train_auc', 'test_auc', 'val_loss', 'val_auc', 'epoch'];

  it('a search is decided on validation data, the gate on test data', () => {
    expect(forSearch(NAMES)[0]).toEqual({ name: 'val_auc', direction: 'maximize' });
    expect(forGate(NAMES)[0]).toEqual({ name: 'test_auc', direction: 'maximize' });
    expect(forSearch(['valid_rmse'])).toEqual([{ name: 'valid_rmse', direction: 'minimize' }]);
  });
});

it('every range holds the default around which it was guessed', () => {
  const names = ['lr', 'n_estimators', 'max_depth', 'num_leaves', 'reg_lambda', 'dropout', 'hidden_size'];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.double({ min: 1e-4, max: 0.5, noNaN: true }), (name, share) => {
      const whole = ['n_estimators', 'max_depth', 'num_leaves', 'hidden_size'].includes(name);
      const value = whole ? Math.round(4 + share * 500) : share;
      const option = {
        command: null,
        flag: `--${name}`,
        dest: name,
        type: whole ? 'int' : 'float',
        default: value,
        choices: [],
        required: false,
        isFlag: false,
        help: '',
      };
      const [found] = parametersOf({ options: [option] }, []);
      if (!found || found.dimension.type === 'categorical') return false;
      const slack = 1 + 1e-2;
      return (
        found.dimension.low <= value * slack &&
        value <= found.dimension.high * slack &&
        found.dimension.low < found.dimension.high
      );
    }),
  );
});

it('whatever is written is read as it was meant, and what is not in force is not there', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 40 }));
  const key = fc.stringMatching(/^[a-zA-Z][\w-]{0,8}$/).filter((name) => name !== '__proto__');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(key, value, fc.boolean(), fc.string()), { selector: ([name]) => name }),
      (all) => {
        const settings = all.map(([name, content, off, comment]) => [name, said(content, comment, off)]);
        const text = render({ all: Object.fromEntries(settings) }).join('\n');
        const on = all.filter(([, , off]) => !off).map(([name, content]) => [name, content]);
        expect(parse(text)).toEqual(on.length > 0 ? { all: Object.fromEntries(on) } : null);
      },
    ),
  );
});

describe('sources', () => {
  it('values are followed through imports, loops and functions', async () => {
    const { facts } = await readSources(
      new Map([
        ['pkg/common.py', 'import os\nNAME = os.getenv("MODEL", "Ward")\n'],
        [
          'pkg/train.py',
          'from .common import NAME\nimport mlflow as m\n' +
            'def scores():\n    return {f"{s}_{k}": 0 for s in ("val", "test") for k in ["auc"]}\n' +
            'm.log_metrics(scores())\nm.register_model("runs:/x/model", NAME)\n',
        ],
      ]),
    );
    expect(facts.get('pkg/train.py')).toMatchObject({ metrics: ['val_auc', 'test_auc'], registeredModels: ['Ward'] });
    expect(facts.get('pkg/common.py')?.environment).toEqual({ MODEL: 'Ward' });
  });

  it('a dataclass that becomes a dictionary keeps no source from being read', async () => {
    const source =
      'from dataclasses import asdict\nimport mlflow\nmlflow.log_params(asdict(settings))\nkept = asdict(settings)\n';
    const { unreadable } = await readSources(new Map([['a.py', source]]));
    expect(unreadable).toEqual([]);
  });

  it('an Airflow 2 DAG of decorated functions has its tasks and their order', async () => {
    const { facts } = await readSources(
      new Map([
        [
          'dag.py',
          'from airflow.decorators import dag, task\nfrom datetime import timedelta\n' +
            '@task(retries=3)\ndef first(): ...\n@task\ndef second(x): ...\n' +
            '@dag(schedule=timedelta(days=1))\ndef nightly():\n    second(first())\nnightly()\n',
        ],
      ]),
    );
    const [dag] = facts.get('dag.py')?.dags ?? [];
    expect(dag).toMatchObject({ id: 'nightly', every: 86_400, edges: [['first', 'second']] });
    expect(dag?.tasks.map(({ id, retries }) => [id, retries])).toEqual([
      ['first', 3],
      ['second', null],
    ]);
  });

  it('what no setting can hold is left out: choices that are lists, and True for a number', async () => {
    const { facts, unreadable } = await readSources(
      new Map([
        [
          'tune.py',
          'def objective(trial):\n' +
            '    trial.suggest_categorical("hidden_layer_sizes", [(64,), (64, 32)])\n' +
            '    trial.suggest_categorical("kernel", ["rbf", (1,), True])\n' +
            '    trial.suggest_int("n", True, 3)\n',
        ],
        [
          'dag.py',
          'from airflow import DAG\nfrom airflow.operators.bash import BashOperator\n' +
            'with DAG("d", default_args={"retries": True}):\n' +
            '    BashOperator(task_id="a", bash_command="python a.py", retries=True, execution_timeout=False)\n',
        ],
        ['args.py', 'import argparse\nargparse.ArgumentParser().add_argument("--lr", dest=[1])\n'],
      ]),
    );
    expect(unreadable).toEqual([]);
    expect(facts.get('tune.py')?.suggestions).toEqual([
      { name: 'hidden_layer_sizes', kind: 'categorical', choices: [] },
      { name: 'kernel', kind: 'categorical', choices: ['rbf', true] },
      { name: 'n', kind: 'unknown' },
    ]);
    expect(facts.get('dag.py')).toMatchObject({ dags: [{ retries: null, tasks: [{ retries: null, timeout: null }] }] });
    expect(facts.get('args.py')?.options).toMatchObject([{ dest: 'lr' }]);
  });

  it('a source about which the scan says what nobody expected is not read, and the others are', async () => {
    const { facts } = await readSources(new Map([['a.py', 'import os\n']]));
    const own = facts.get('a.py');
    const sources = asSources({
      'a.py': own,
      'b.py': { ...own, metrics: [[1]] },
      'c.py': null,
      'd.py': { error: 'x' },
    });
    expect([...sources.facts.keys()]).toEqual(['a.py']);
    expect(sources.unreadable.map(({ path }) => path)).toEqual(['b.py', 'c.py', 'd.py']);
  });
});

describe('lines that end as on Windows', () => {
  const windows = (files: Record<string, string>): ProjectView => ({
    ...viewOf(files),
    text: (path) => files[path]?.replaceAll('\n', '\r\n'),
  });

  it('a Dockerfile', () => {
    const text = 'FROM python:3.11\nARG MODEL_URI=x\nENV A=1 B="2"\nEXPOSE 8000\nCMD ["gunicorn", \\\n  "app"]\n';
    expect(detectDockerfiles(windows({ Dockerfile: text }))).toMatchObject([
      {
        args: { MODEL_URI: 'x' },
        env: { A: '1', B: '2' },
        starts: expect.stringContaining('gunicorn'),
        serves: true,
      },
    ]);
  });

  it('requirements, .python-version and .env', () => {
    const view = windows({ 'requirements.txt': 'mlflow==2.9\nnumpy\n', '.python-version': '3.10\n3.11\n' });
    const { setUp, python } = detectEnvironment(view);
    expect(python?.wanted).toBe('3.10');
    expect(setUp).toContain('-r requirements.txt');
    const env = windows({ '.env': 'MLFLOW_TRACKING_URI=https://a.example.org\nMODEL_NAME="Ward"\n' });
    expect(detectTracking(env, new Map(), [])).toMatchObject({
      uris: [{ value: 'https://a.example.org' }],
      registeredModels: [{ value: 'Ward' }],
    });
  });
});

it.each([
  ['models:/house-price/Production', ['house-price']],
  ['models:/house-price@champion', ['house-price']],
  ['models:/$NAME/1', []],
  ['s3://models/house-price', []],
])('the address %s of a model names it', (address, names) => {
  const { registeredModels } = detectTracking(viewOf({ '.env': `MODEL_URI=${address}\n` }), new Map(), []);
  expect(registeredModels.map(({ value }) => value)).toEqual(names);
});

it.each([
  ['argparse', '  -l LR, --lr LR       step size (default: 0.1)', { flag: '--lr', type: 'float', default: 0.1 }],
  ['click', '  --trees INTEGER  how many  [default: 50]', { flag: '--trees', type: 'int', default: 50 }],
  ['typer', '│ --rate   FLOAT  Rate. [default: 0.5]        │', { flag: '--rate', type: 'float', default: 0.5 }],
  ['a switch', '  --register            register it', { flag: '--register', isFlag: true, default: null }],
])('the help of %s is read', (_name, line, expected) => {
  expect(parseHelp(`usage: x\n  --help  Show this\n${line}\n`)).toEqual([expect.objectContaining(expected)]);
});
