import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../src/config.ts';
import { mediwatch } from '../cli/support.ts';
import { type Files, inputs, withCopy } from './support.ts';

interface Written extends Config {
  /** The whole text of mediwatch.yaml, comments on one line each. */
  text: string;
  /** Step by step what is run, as one line each. */
  train: string | undefined;
  prepare: string | undefined;
  before: string[];
}

/** What `mediwatch init --yes` writes for a project. */
async function written(
  source: string | Files,
  also: Files = {},
  ready?: (folder: string) => Promise<unknown>,
): Promise<Written> {
  const from = typeof source === 'string' ? inputs(source) : source;
  return await withCopy(
    typeof source === 'string' ? source : 'made-up',
    from,
    async (folder) => {
      await ready?.(folder);
      const { code, err } = await mediwatch(['init', folder, '--yes'], { env: {} });
      if (code !== 0) throw new Error(err);
      const config = loadConfig({}, folder);
      const text = (await readFile(join(folder, 'mediwatch.yaml'), 'utf8')).replaceAll(/\n *# +/g, ' ');
      const line = (command: string[] | undefined) => command?.join(' ');
      return {
        ...config,
        text,
        train: line(config.steps.train.command),
        prepare: line(config.steps.prepare.command),
        before: config.extraSteps.map(({ command }) => command.join(' ')),
      };
    },
    also,
  );
}

/** A program that fits, logs a score and writes its model where an argument says. */
const TRAINER = (reads = 'args.table', writes = 'args.into') => `
import argparse
import joblib
import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--into", default="work/model.pkl")
    args = parser.parse_args()
    rows = pd.read_csv(${reads})
    with mlflow.start_run():
        model = LogisticRegression(C=args.rate).fit(rows[["a"]], rows["b"])
        mlflow.log_metric("test_auc", 0.7)
    joblib.dump(model, ${writes})
`;
const MAKER = `
import argparse
import pandas as pd

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--to", required=True)
    args = parser.parse_args()
    pd.DataFrame({"a": [1], "b": [0]}).to_csv(args.to, index=False)
`;
const TABLE = 'a,b\n1,0\n2,1\n';

describe('MLproject', () => {
  it('the entry point that trains is the training, with its parameters', async () => {
    const { train, data, search, text } = await written('declares-itself');
    expect(train).toBe('python3 train.py {params.degree=2} {params.alpha=0.5} {data}');
    expect(data.path).toBe('fields.csv');
    expect(search.trials).toBe(0);
    expect(text).not.toContain('looks.py');
    expect(text).toContain('As MLproject, entry point main runs it.');
  });

  it('of several entry points only the one that trains is the training, whatever it is called', async () => {
    const { train, steps, data } = await written({
      MLproject:
        'name: x\npython_env: python_env.yaml\nentry_points:\n' +
        '  main: {command: "python main.py"}\n' +
        '  fit:\n    parameters:\n      rate: float\n      trees: {type: int, default: 3}\n' +
        '      table: {type: path, default: rows.csv}\n    command: "python fit.py --table {table} --rate {rate} --into m.pkl"\n',
      'python_env.yaml': 'python: "3.11"\ndependencies: [mlflow]\n',
      'main.py': 'import mlflow\nmlflow.projects.run(".", entry_point="fit")\n',
      'fit.py': TRAINER(),
      'rows.csv': TABLE,
    });
    expect(train).toBe('python3 fit.py --table {data} --rate FILL_IN --into {output}/m.pkl');
    expect([steps.prepare.skip, data.path]).toEqual([true, 'rows.csv']);
  });

  it('an entry point that prepares what another one reads is the preparation', async () => {
    const { train, prepare } = await written({
      MLproject:
        'entry_points:\n  rows:\n    parameters: {to: {type: string, default: work/rows.csv}}\n    command: "python rows.py --to {to}"\n' +
        '  main:\n    parameters: {rate: {type: float, default: 0.2}}\n    command: "python fit.py --table work/rows.csv --rate {rate}"\n',
      'rows.py': MAKER,
      'fit.py': TRAINER(),
    });
    expect(prepare).toBe('python3 rows.py --to {output}/rows.csv');
    expect(train).toBe('python3 fit.py --table {dataset}/rows.csv --rate {params.rate=0.2} --into {output}/model.pkl');
  });
});

describe('dvc.yaml', () => {
  it('all stages are kept in their order, with what they write', async () => {
    const { before, prepare, train, steps, extraSteps } = await written('dvc-pipeline');
    expect(before).toEqual(['python3 src/collect.py work/raw.csv', 'python3 src/clean.py work/raw.csv work/clean.csv']);
    expect(extraSteps).toMatchObject([
      { name: 'collect', before: 'prepareData' },
      { name: 'clean', before: 'prepareData' },
    ]);
    expect(prepare).toBe('python3 src/features.py work/clean.csv {output}');
    expect(train).toBe(
      'sh -c python3 src/fit.py "{dataset}" "{output}/pump.pkl" && python3 src/judge.py "{dataset}" "{output}/pump.pkl" "{output}/scores.json"',
    );
    expect(steps.train.outputs).toMatchObject({
      file: '{output}/scores.json',
      metrics: { test_auc: 'auc' },
      modelFile: '{output}/pump.pkl',
    });
  });

  it('values of params.yaml and of vars are filled in, and stages over a list are each kept', async () => {
    const { before, train, steps } = await written({
      'dvc.yaml':
        'vars: [{folder: work}]\nstages:\n' +
        `  fit:\n    cmd: python fit.py --table \${folder}/all.csv --rate \${fit.rate} --into \${folder}/m.pkl\n` +
        `    deps: ["\${folder}/all.csv"]\n    outs: ["\${folder}/m.pkl"]\n` +
        `  rows:\n    foreach: [north, south]\n    do:\n      cmd: python rows.py --to \${folder}/\${item}.csv\n      outs: ["\${folder}/\${item}.csv"]\n` +
        `  join:\n    cmd: python join.py \${folder} \${folder}/all.csv\n    deps: ["\${folder}/north.csv", "\${folder}/south.csv"]\n    outs: ["\${folder}/all.csv"]\n`,
      'params.yaml': 'fit: {rate: 0.4}\n',
      'rows.py': MAKER,
      'join.py':
        'import sys\nimport pandas as pd\npd.concat([pd.read_csv(sys.argv[1] + "/north.csv")]).to_csv(sys.argv[2])\n',
      'fit.py': TRAINER(),
    });
    expect(before).toEqual(['python3 rows.py --to work/north.csv', 'python3 rows.py --to work/south.csv']);
    expect(steps.prepare.command).toEqual(['python3', 'join.py', 'work', '{output}/all.csv']);
    expect(train).toBe('python3 fit.py --table {dataset}/all.csv --rate 0.4 --into {output}/m.pkl');
  });

  it('a stage whose source names its files runs where they are', async () => {
    const { before, prepare, train, steps } = await written({
      'dvc.yaml':
        'stages:\n  rows: {cmd: python rows.py, outs: [data/rows.csv]}\n  fit: {cmd: python fit.py, deps: [data/rows.csv], outs: [model.joblib], metrics: [metrics.json: {cache: false}]}\n',
      'rows.py': 'import pandas as pd\npd.DataFrame().to_csv("data/rows.csv")\n',
      'fit.py':
        'import json\nimport joblib\nimport pandas as pd\nfrom sklearn.svm import SVC\nrows = pd.read_csv("data/rows.csv")\n' +
        'joblib.dump(SVC().fit(rows, rows), "model.joblib")\nwith open("metrics.json", "w") as file:\n    json.dump({"auroc": 0.7}, file)\n',
    });
    expect([prepare, steps.prepare.outputs.directory, before]).toEqual(['python3 rows.py', 'data', []]);
    expect(train).toBe('python3 fit.py');
    expect(steps.train.outputs).toMatchObject({
      file: 'metrics.json',
      metrics: { test_auc: 'auroc' },
      modelFile: 'model.joblib',
    });
  });
});

describe('Makefile and shell scripts', () => {
  it('a target that calls a script has the arguments of the script', async () => {
    const { prepare, train, steps } = await written('makefile-project');
    expect(prepare).toBe('python3 -m parking.rows --hours 600 --to {output}/hours.csv');
    expect(train).toBe('python3 go.py --table {dataset}/hours.csv --rate 0.1 --rounds 80 --into {output}/garage.pkl');
    expect(steps.train.outputs).toMatchObject({
      metrics: { test_auc: 'holdout_auc' },
      modelFile: '{output}/garage.pkl',
    });
  });

  it('variables, defaults and folders of a script are followed', async () => {
    const { train, steps } = await written({
      'bin/nightly.sh':
        `#!/bin/bash\nset -e\ncd "$(dirname "$0")/.."\nexport OUT=\${OUT:-build}\nPY=.venv/bin/python\n` +
        'for day in mon tue; do echo $day; done\n$PY training/fit.py \\\n  --table="data/rows.csv" --into "$OUT/m.pkl" 2>&1 | tee run.log\n',
      'training/fit.py': TRAINER(),
      'data/rows.csv': TABLE,
    });
    expect(train).toBe('python3 training/fit.py --table={data} --into {output}/m.pkl');
    expect(steps.prepare.skip).toBe(true);
  });

  it('the Makefile of another folder runs there; what the shell feeds is no step', async () => {
    const { train, steps, data, text } = await written({
      Makefile: 'all:\n\t$(MAKE) -C ml train\n',
      'ml/Makefile':
        'train: clean.csv\n\tpython fit.py --table clean.csv\nclean.csv: raw.csv\n\tpython clean.py < raw.csv > clean.csv\n',
      'ml/clean.py': 'import sys\nimport pandas as pd\npd.read_csv(sys.stdin).to_csv(sys.stdout)\n',
      'ml/fit.py': TRAINER(),
      'ml/raw.csv': TABLE,
    });
    expect([train, steps.train.cwd, data.path]).toEqual([
      'python3 fit.py --table {data} --into {output}/model.pkl',
      'ml',
      'ml/clean.csv',
    ]);
    expect(text).toContain('ml/Makefile, target clean.csv: python clean.py.');
  });

  it('the target that trains is taken when make itself does something else', async () => {
    const { before, prepare, train } = await written({
      Makefile:
        'help:\n\t@echo help\n\nOUT ?= work\nretrain: $(OUT)/rows.csv\n\tcd training && python fit.py --table ../$< --into ../$(OUT)/m.pkl\n' +
        '$(OUT)/rows.csv:\n\tpython rows.py --to $@\nclean:\n\trm -rf $(OUT)\n',
      'rows.py': MAKER,
      'training/fit.py': TRAINER(),
    });
    expect([before, prepare]).toEqual([[], 'python3 rows.py --to {output}/rows.csv']);
    expect(train).toBe('python3 fit.py --table {dataset}/rows.csv --into {output}/m.pkl');
  });
});

describe('console scripts', () => {
  it('a command that the project declares is the training, with the file that it asks for', async () => {
    const { train, steps } = await written('console-script');
    expect(train).toBe('bikes-demand demand.toml');
    expect(steps.train.outputs.modelFile).toBe('work/demand.pkl');
  });

  it('poetry and uv find their own environments', async () => {
    const poetry = await written('projects/poetry-click');
    expect(poetry.train).toMatch(/^poetry run heat-train --table \{data\}/);
    expect(poetry.search).toMatchObject({ metric: 'valid_r2', direction: 'maximize' });
    const uv = await written('projects/uv-typer');
    expect(uv.train).toBe('python learn.py {data} --rounds 120 --model {output}/late.joblib');
    expect(uv.steps.train.venv).toBe('.venv');
    expect('Test AUROC: 0.8123').toMatch(new RegExp(uv.steps.train.outputs.pattern ?? 'none'));
  });
});

describe('subcommands', () => {
  const PIPELINE =
    'import mlflow\nimport pandas as pd\nfrom sklearn.svm import SVC\n' +
    'def clean(raw, out):\n    pd.read_csv(raw).to_csv(out)\n' +
    'def fit(table, c):\n    rows = pd.read_csv(table)\n    model = SVC(C=c).fit(rows, rows)\n' +
    '    mlflow.log_metrics({f"{part}_auc": 1 for part in ("val", "test")})\n    mlflow.sklearn.log_model(model, name="model")\n';
  const README =
    '```sh\npython cli.py clean --raw rows.csv --out work/clean.csv\npython cli.py fit --table work/clean.csv --c 2\n```\n';

  it('each of click is a program of its own', async () => {
    const { prepare, train } = await written({
      'README.md': README,
      'rows.csv': TABLE,
      'pipeline.py': PIPELINE,
      'cli.py':
        'import click\nfrom pipeline import clean as do_clean, fit as do_fit\n@click.group()\ndef main(): ...\n' +
        '@main.command()\n@click.option("--raw", required=True)\n@click.option("--out", required=True)\ndef clean(raw, out):\n    do_clean(raw, out)\n' +
        '@main.command()\n@click.option("--table", required=True)\n@click.option("--c", default=1.0)\ndef fit(table, c):\n    do_fit(table, c)\n' +
        'if __name__ == "__main__":\n    main()\n',
    });
    expect(prepare).toBe('python3 cli.py clean --raw {data} --out {output}/clean.csv');
    expect(train).toBe('python3 cli.py fit --table {dataset}/clean.csv --c {params.c=2}');
  });

  it('and each of argparse that has a function', async () => {
    const { prepare, train } = await written({
      'README.md': README,
      'rows.csv': TABLE,
      'pipeline.py': PIPELINE,
      'cli.py':
        'import argparse\nimport pipeline\ndef do_clean(args):\n    pipeline.clean(args.raw, args.out)\n' +
        'def do_fit(args):\n    pipeline.fit(args.table, args.c)\n' +
        'parser = argparse.ArgumentParser()\nsubs = parser.add_subparsers(dest="command")\n' +
        'clean = subs.add_parser("clean")\nclean.add_argument("--raw")\nclean.add_argument("--out")\nclean.set_defaults(func=do_clean)\n' +
        'fit = subs.add_parser("fit")\nfit.add_argument("--table")\nfit.add_argument("--c", type=float, default=1.0)\nfit.set_defaults(func=do_fit)\n' +
        'args = parser.parse_args()\nargs.func(args)\n',
    });
    expect(prepare).toBe('python3 cli.py clean --raw {data} --out {output}/clean.csv');
    expect(train).toBe('python3 cli.py fit --table {dataset}/clean.csv --c {params.c=2}');
  });
});

describe('a folder with nothing but a table', () => {
  const table = async (name: string) => ({ [name]: await readFile(inputs(`tables/${name}`), 'utf8') });

  it.each([
    ['semicolons.csv', 'full', 'yes', null, []],
    ['bom-and-spaces.csv', 'fails soon', 'yes', 'pump id', []],
    ['dates-money-text.csv', 'churned', 'yes', null, ['rider']],
  ])('%s: what to predict, what is positive, groups and identifiers', async (name, target, positive, group, drop) => {
    const { data, steps } = await written(await table(name));
    expect(data).toMatchObject({ path: name, target, positive, group, drop });
    expect(steps.train.command).toBeUndefined();
  });

  it('numbers with decimal commas and dates are no identifiers, and a measure that ends as one does is no group', async () => {
    const rows = Array.from(
      { length: 60 },
      (_, row) => `B${100 + row};2026-01-${1 + (row % 28)} 0${row % 10}:15;${row % 7},5;${row + 200},25`,
    );
    const { data } = await written({ 'prices.csv': ['House-Nr;seen;sepal_wid;price', ...rows, ''].join('\n') });
    expect(data).toMatchObject({ target: 'price', group: null, drop: ['House-Nr'] });
  });

  it('one that cannot be read says why, without a cell of it', async () => {
    const { data, text } = await written(await table('one-cell-too-many.csv'));
    expect(data.target).toBe('FILL_IN');
    expect(text).toContain('line 64');
    expect(text).not.toContain('PATIENT-000-00-0000');
  });
});

describe('key=value', () => {
  it('a script that takes its configuration so is the training, although it writes a table', async () => {
    const { train, steps, prepare } = await written('hydra-like');
    expect(train).toContain('python3 run.py');
    expect(train).toContain('seed={seed}');
    expect(train).toContain('out={output}');
    expect(prepare).toBeUndefined();
    expect(steps.train.outputs).toMatchObject({ modelFile: '{output}/pumps.pkl' });
  });

  it('Hydra itself is read with its groups', async () => {
    const { train } = await written({
      'conf/config.yaml': 'defaults:\n  - model: trees\n  - _self_\ndata: rows.csv\nseed: 5\n',
      'conf/model/trees.yaml': 'max_depth: 4\n',
      'rows.csv': TABLE,
      'train.py':
        'import hydra\nimport joblib\nimport mlflow\nimport pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier\n' +
        '@hydra.main(version_base=None, config_path="conf", config_name="config")\ndef main(cfg):\n    rows = pd.read_csv(cfg.data)\n' +
        '    model = DecisionTreeClassifier(max_depth=cfg.model.max_depth).fit(rows, rows)\n    mlflow.log_metric("val_auc", 1)\n    mlflow.sklearn.log_model(model, "model")\n' +
        'if __name__ == "__main__":\n    main()\n',
    });
    expect(train).toBe('python3 train.py data={data} seed={seed} model.max_depth={params.model.max_depth=4}');
  });

  it('arguments that a documentation shows are kept', async () => {
    const { train } = await written({
      'README.md': '```sh\npython fit.py rate=0.3 table=rows.csv   # twice as fast\n```\n',
      'rows.csv': TABLE,
      'fit.py':
        'import sys\nimport joblib\nimport pandas as pd\nfrom sklearn.svm import SVC\ngiven = dict(word.split("=", 1) for word in sys.argv[1:])\n' +
        'rows = pd.read_csv(given["table"])\nmodel = SVC(C=float(given["rate"])).fit(rows, rows)\njoblib.dump(model, "m.joblib")\nprint(f"accuracy: {model.score(rows, rows)}")\n',
    });
    expect(train).toBe('python3 fit.py rate=0.3 table={data}');
  });
});

describe('Airflow', () => {
  it('tasks of TaskFlow are steps that need no Airflow', async () => {
    const { text, schedules, train } = await written('taskflow-dag');
    expect(train).toContain('airflow-task dags/wheat.py learn');
    for (const task of ['harvest', 'learn', 'keep_if_good']) expect(text).toContain(task);
    expect(Object.values(schedules)).toMatchObject([{ workflow: 'retrain', cron: '30 4 * * 1' }]);
  });

  it('commands of variables and f-strings are read', async () => {
    const { prepare, train, text, steps, schedules } = await written('bash-dag');
    expect(prepare).toBe('python3 scripts/readings.py --rows 500 --to {output}/readings.csv');
    expect(train).toBe('python3 scripts/learn.py --table {dataset}/readings.csv --depth 4 --into {output}/pump.pkl');
    expect(steps.train).toMatchObject({ attempts: 2, backoff: 300, timeout: 3600 });
    expect(steps.train.outputs).toMatchObject({ file: '{output}/score.json', modelFile: '{output}/pump.pkl' });
    expect(text).toContain('task tell: cat /srv/pumps/work/score.json');
    expect(Object.values(schedules)).toMatchObject([{ workflow: 'retrain', cron: '15 3 * * *' }]);
  });

  it('a DAG for testing is left out, and that is said', async () => {
    const { train, text, prepare, data } = await written('two-dags');
    expect(train).toBe('python3 scripts/retrain.py --table {data} --into {output}/garage.pkl');
    expect([prepare, data.path]).toEqual([undefined, 'garage.csv']);
    expect(text).toContain('the DAG load_trial_rows (dags/load_trial_rows.py) is left out, as its tag is testing.');
  });

  it('@task.bash, PythonOperator and a time zone are read', async () => {
    const { text, train, schedules } = await written({
      'dags/nightly.py':
        'import pendulum\nfrom airflow.sdk import dag, task\n' +
        '@dag(schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="Europe/London"))\ndef nightly():\n' +
        '    @task.bash\n    def rows():\n        return "python rows.py --to work/rows.csv"\n' +
        '    @task.bash\n    def fit():\n        return "python fit.py --table work/rows.csv --into work/m.pkl"\n    rows() >> fit()\nnightly()\n',
      'rows.py': MAKER,
      'fit.py': TRAINER(),
    });
    expect(train).toBe('python3 fit.py --table {dataset}/rows.csv --into {output}/m.pkl');
    expect(Object.values(schedules)).toMatchObject([{ cron: '@daily', timeZone: 'Europe/London' }]);
    expect(text).toContain('As dags/nightly.py, task rows runs it.');
  });

  it('a variable that names a folder of the project elsewhere is one of ours, and others are handed on', async () => {
    const { steps } = await written({
      'dags/learn.py':
        'import joblib\nimport mlflow\nimport pandas as pd\nfrom airflow.decorators import dag, task\n' +
        'from airflow.models import Variable\nFOLDER = Variable.get("data_dir", default_var="/opt/airflow/work/tables")\n' +
        '@dag(schedule=None)\ndef learn():\n    @task\n    def fit():\n        from sklearn.linear_model import LinearRegression\n' +
        '        alpha = float(Variable.get("alpha"))\n        depth = Variable.get("depth", "3")\n' +
        '        rows = pd.read_csv(f"{FOLDER}/rows.csv")\n        model = LinearRegression().fit(rows[["a"]], rows["b"])\n' +
        '        mlflow.log_metric("val_r2", alpha)\n        mlflow.sklearn.log_model(model, "model")\n    fit()\nlearn()\n',
      'work/tables/rows.csv': TABLE,
    });
    expect(steps.train.env).toEqual({ AIRFLOW_VAR_DATA_DIR: '{project}/work/tables' });
    expect(steps.train.passEnv).toEqual(['AIRFLOW_VAR_ALPHA']);
  });

  it('a DAG whose only program is the monitor is a drift check', async () => {
    const { schedules, train } = await written({
      'dags/drift.py':
        'from airflow import DAG\nfrom airflow.operators.bash import BashOperator\n' +
        'with DAG("drift", schedule_interval="0 6 * * *"):\n    BashOperator(task_id="look", bash_command="python monitor.py --log-csv x.csv --out-dir reports")\n',
      'monitor.py':
        'import argparse\nfrom evidently import Report\nparser = argparse.ArgumentParser()\nparser.add_argument("--log-csv")\nparser.add_argument("--out-dir")\n' +
        'args = parser.parse_args()\nReport([]).run().save_json(args.out_dir + "/report.json")\n',
      'fit.py': TRAINER(),
      'rows.csv': TABLE,
    });
    expect(Object.values(schedules)).toMatchObject([{ workflow: 'driftCheck', cron: '0 6 * * *' }]);
    expect(train).toBe('python3 fit.py --table {data} --into {output}/model.pkl');
  });
});

describe('Compose', () => {
  it('a variable that is handed through has no value, and a step is given only what it knows', async () => {
    const { steps, docker, deployment } = await written('projects/compose-api');
    expect(steps.train).toMatchObject({ passEnv: ['S3_BUCKET'], env: {}, cwd: 'training' });
    expect(steps.monitor.command?.join(' ')).toBe(
      'python3 monitoring/drift.py --current {log} --out {output}/drift.json',
    );
    expect(docker.env).toEqual({ REGION: 'FILL_IN', MODEL_NAME: 'loan-default' });
    expect(deployment.contract).toMatchObject({ health: { path: '/healthz' }, predict: { path: '/v1/predict' } });
  });
});

describe('decoys', () => {
  it('what appends to a log is no step, and addresses of containers are not put in force', async () => {
    const { train, prepare, text, data, extraSteps } = await written('decoys');
    expect(train).toBe('python3 train.py --out {output} --data {data}');
    expect([prepare, extraSteps]).toEqual([undefined, []]);
    expect(text).not.toMatch(/^ {2}uri:/m);
    expect(data.path).toBe('pumps-sample.csv');
    expect(text).toContain('create_report.py is no step, as it appends to logs/predictions.csv.');
    expect(text).toContain('http://host.docker.internal:5000: only this machine, or a container, knows that host');
    expect(text).toContain('reads https://pumps.invalid/readings.csv by default, which is no file');
  });

  it('what writes into files that git tracks is no step', async () => {
    const git = async (folder: string) => {
      for (const args of [
        ['init', '--quiet'],
        ['add', '.'],
      ])
        await execa('git', args, { cwd: folder });
    };
    const { prepare, text, steps } = await written(
      {
        'clean.py': 'import pandas as pd\nrows = pd.read_csv("data/rows.csv")\nrows.dropna().to_csv("data/rows.csv")\n',
        'run.sh': 'python clean.py\npython fit.py --table data/rows.csv --into work/m.pkl\n',
        'data/rows.csv': TABLE,
        'fit.py': TRAINER(),
      },
      {},
      git,
    );
    expect([prepare, steps.prepare.skip]).toEqual([undefined, true]);
    expect(text).toContain('clean.py is no step, as it writes data/rows.csv, which git tracks.');
  });

  it('of several printed values the score is found, and a folder of pictures is data', async () => {
    const { train, steps, data } = await written({
      'run.sh': 'python fit.py --root pictures\n',
      'pictures/cat/1.png': '',
      'fit.py':
        'import argparse\nimport torch\nparser = argparse.ArgumentParser()\nparser.add_argument("--root", required=True)\nparser.add_argument("--to", default="w.pt")\n' +
        'args = parser.parse_args()\nmodel = torch.nn.Linear(1, 1)\ntorch.optim.SGD(model.parameters()).step()\n' +
        'print(f"epoch {1}: loss={2:.3f} val_acc={3:.3f}")\ntorch.save(model, args.to)\n',
    });
    expect([train, data.path]).toEqual(['python3 fit.py --root {data} --to {output}/w.pt', 'pictures']);
    expect('epoch 1: loss=0.2 val_acc=0.9'.match(steps.train.outputs.pattern ?? '')?.groups).toEqual({
      val_acc: '0.9',
    });
  });

  it('what changes its own data is no step, whether git knows them or not', async () => {
    const { before, prepare, text } = await written({
      'run.sh': 'python clean.py\npython fit.py --table rows.csv\n',
      'clean.py': 'import pandas as pd\npd.read_csv("rows.csv").drop_duplicates().to_csv("rows.csv")\n',
      'fit.py': TRAINER(),
      'rows.csv': TABLE,
    });
    expect([before, prepare]).toEqual([[], undefined]);
    expect(text).toContain('clean.py is no step, as it changes rows.csv itself.');
  });

  it('a name that stands for several files one after the other is none of the others', async () => {
    const { steps, text } = await written({
      'fit.py':
        'import json\nimport pickle\nimport pandas as pd\nfrom sklearn.svm import SVC\ndef main():\n    with open("params.yaml") as file:\n        file.read()\n' +
        '    rows = pd.read_csv("rows.csv")\n    with open("model.pkl", "wb") as file:\n        pickle.dump(SVC().fit(rows, rows), file)\n' +
        '    with open("scores.json", "w") as file:\n        json.dump({"test": {"auc": 0.7}}, file)\nmain()\n',
      'params.yaml': '{}\n',
      'rows.csv': TABLE,
    });
    expect(steps.train.outputs).toMatchObject({
      file: 'scores.json',
      metrics: { test_auc: 'test.auc' },
      modelFile: 'model.pkl',
    });
    expect(text).not.toContain('is no step');
  });

  it('of two trainings that nothing tells apart none is taken, and check says where to choose', async () => {
    const files = { 'one.py': TRAINER(), 'two.py': TRAINER(), 'rows.csv': TABLE };
    await withCopy('made-up', files, async (folder) => {
      await mediwatch(['init', folder, '--yes'], { env: {} });
      const text = await readFile(join(folder, 'mediwatch.yaml'), 'utf8');
      expect(text).toContain('one.py or two.py');
      const line = text.split('\n').findIndex((each) => /command: \[python3, FILL_IN\]/.test(each)) + 1;
      const { code, out } = await mediwatch(['check', '--offline', '--json'], { env: {}, cwd: folder });
      expect(code).toBe(2);
      const { findings } = JSON.parse(out) as { findings: Array<{ place?: { line: number }; severity: string }> };
      expect(findings).toContainEqual(expect.objectContaining({ severity: 'problem', line }));
    });
  });

  it('a name alone makes no program a monitor, a preparation or an output', async () => {
    const { train, steps, text } = await written({
      'drift_monitor.py': 'if __name__ == "__main__":\n    print("nothing is looked at")\n',
      'prepare.py': 'if __name__ == "__main__":\n    print("nothing is written")\n',
      'fit.py': TRAINER().replace(
        'args = parser',
        'parser.add_argument("--out-dir", default="runs")\n    args = parser',
      ),
      'rows.csv': TABLE,
    });
    expect(train).toBe('python3 fit.py --table {data} --into {output}/model.pkl');
    expect(steps.monitor.command).toBeUndefined();
    expect(text).not.toMatch(/drift_monitor\.py|prepare\.py/);
  });

  it('a search over names that the training does not have is pointed out', async () => {
    const { text } = await written({
      'tune.py':
        'import optuna\ndef objective(trial):\n    return trial.suggest_float("learning_rate", 0.01, 0.3)\n' +
        'if __name__ == "__main__":\n    optuna.create_study().optimize(objective)\n',
      'fit.py': TRAINER(),
      'rows.csv': TABLE,
    });
    expect(text).toContain('tune.py searches learning_rate, which fit.py does not take');
  });
});

it('the commands of a Taskfile are read, whatever form they have', async () => {
  const { train } = await written({
    'Taskfile.yml':
      'version: "3"\ntasks:\n  train:\n    cmds:\n      - python fit.py --table rows.csv --rate 0.3 --into m.pkl\n' +
      '  other:\n    cmds:\n      - cmd: echo done\n',
    'fit.py': TRAINER(),
    'rows.csv': TABLE,
  });
  expect(train).toContain('fit.py --table {data}');
  expect(train).toContain('0.3');
});

it('a source that only defines functions is no step, although they train', async () => {
  const { train } = await written({
    'nodes.py':
      'import mlflow\nfrom sklearn.linear_model import LogisticRegression\n' +
      'def fit(rows):\n    model = LogisticRegression().fit(rows, rows)\n    mlflow.log_metric("auc", 0.7)\n    return model\n',
    'fit.py': TRAINER(),
    'rows.csv': TABLE,
  });
  expect(train).toContain('fit.py');
});

it('an API without a route for its health gets settings that load, and the address of the model', async () => {
  const { deployment } = await written({
    'fit.py': TRAINER(),
    'rows.csv': TABLE,
    'api.py':
      'import os\nimport mlflow\nfrom flask import Flask\napp = Flask(__name__)\n' +
      'model = mlflow.pyfunc.load_model(os.environ["MODEL_URI"])\n' +
      '@app.post("/estimate")\ndef estimate():\n    return {"value": 1}\n' +
      '@app.post("/estimate-many")\ndef many():\n    return {"values": [1]}\n',
  });
  expect(deployment.contract?.health.path).toBe('/FILL_IN');
  expect(deployment.env).toMatchObject({ MODEL_URI: 'models:/{model}/{version}' });
});
