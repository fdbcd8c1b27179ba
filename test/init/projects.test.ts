import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config.ts';
import { mediwatch } from '../cli/support.ts';
import { settingsOf, textFor, withProject } from './support.ts';

const words = (step: Config['steps']['train']) => step.command?.join(' ');

describe('a project of scripts with a DAG, workflows, an image and an API', () => {
  it('each script becomes the step that it is, with what the step knows in its options', async () => {
    const { steps, data, registry, mlflow } = await withProject('scripts', settingsOf);
    expect(words(steps.prepare)).toBe('python3 -m scripts.prepare_data --seed {seed} --csv {data} --out-dir {output}');
    expect(words(steps.search)).toBe('python3 -m scripts.tune_optuna --data-dir {dataset} --n-trials {trials}');
    expect(words(steps.train)).toBe(
      'python3 -m scripts.train_mlflow --kind hgb --register --data-dir {dataset} ' +
        '--lr {params.lr=0.1} --n-estimators {params.n_estimators=100}',
    );
    expect(words(steps.monitor)).toBe(
      'python3 -m scripts.monitor_evidently --log-csv {log} --out-dir {output} --min-rows {minRows}',
    );
    expect(steps.monitor.outputs.file).toBe('{output}/report.json');
    expect(steps.train.outputs).toMatchObject({ metrics: { test_auc: 'test_roc_auc' }, model: 'pipeline' });
    expect(data).toMatchObject({ path: 'data/admissions.csv', seed: 11 });
    expect([registry.registeredModel, mlflow.experiment]).toEqual(['WardModel', 'ward']);
  });

  it('the DAG gives retries, time-out, schedule and what it does besides', async () => {
    const { steps, schedules, extraSteps } = await withProject('scripts', settingsOf);
    expect(steps.prepare).toMatchObject({ attempts: 3, backoff: 600 });
    expect(steps.train).toMatchObject({ attempts: 1, timeout: 7200 });
    expect(schedules.ward_retrain).toMatchObject({ workflow: 'retrain', cron: '30 3 * * 1' });
    expect(schedules['nightly-drift-check']).toMatchObject({ workflow: 'driftCheck', cron: '15 1 * * *' });
    expect(extraSteps).toMatchObject([
      { name: 'check_rows', after: 'prepareData', command: ['python3', 'scripts/check_rows.py', 'strict'] },
      { name: 'tell', after: 'trainBestAndRegister' },
    ]);
  });

  it('the images, the name under which they are pushed, and what the API can prove are found', async () => {
    const { docker, deployment } = await withProject('scripts', settingsOf);
    expect(docker).toMatchObject({
      option: 'registry',
      image: 'ghcr.io/ward/api',
      dockerfile: 'docker/Dockerfile',
      bakedDockerfile: 'docker/Dockerfile.withmodel',
      modelPath: 'artifacts/model.joblib',
      push: false,
    });
    expect(deployment).toMatchObject({ target: 'docker', checks: ['version', 'prediction'] });
  });

  it('says why, what it wants filled in, and what it leaves to people', async () => {
    const text = await textFor('scripts', {});
    for (const said of [
      'calls fit; calls mlflow.sklearn.log_model; logs val_roc_auc, test_roc_auc; takes --data-dir, --lr',
      'As dags/retrain.py, task train runs it.',
      'Python 3.10 (.python-version)',
      'WARD_CODE: FILL_IN',
      'scripts/promote_model.py: "mediwatch promote" does this now',
      'It could also be scripts/train_baseline_mlflow.py',
    ]) {
      expect(text.replaceAll(/\n *# +/g, ' ')).toContain(said);
    }
  });

  it("the project's own search can give way to ours, which takes over its ranges", async () => {
    const text = await textFor('scripts', { search: 'trials' });
    expect(text).toMatch(/^ {2}trial:$/m);
    expect(text).not.toMatch(/^ {2}search:$/m);
    expect(text).toMatch(/^ {4}lr: \{type: float, low: 0.001, high: 0.2, log: true\}$/m);
  });

  it('schedules that are not wanted are shown and not in force', async () => {
    const text = await textFor('scripts', { schedules: false });
    expect(text).toContain('#     cron: "30 3 * * 1"');
    expect(text).not.toMatch(/^schedules:/m);
  });
});

describe('a package with pyproject.toml whose model is judged by an error', () => {
  it('click options become a search that minimises, and a rule of the gate', async () => {
    const { steps, search, promotion } = await withProject('lightgbm', settingsOf);
    expect(steps.prepare.skip).toBe(true);
    expect(words(steps.trial)).toContain('--num-leaves {params.num_leaves}');
    expect(words(steps.train)).toContain('--num-leaves {params.num_leaves=31}');
    expect(words(steps.train)).toContain('--data {data}');
    expect(search).toMatchObject({ metric: 'valid_rmse', direction: 'minimize' });
    expect(Object.keys(search.space ?? {})).toEqual(['num_leaves', 'feature_fraction']);
    expect(promotion.rules).toEqual([{ metric: 'test_rmse', direction: 'lower', maxLoss: 0 }]);
  });

  it('an option that must be given and says nothing is marked', async () => {
    const text = await textFor('lightgbm', {});
    expect(text).toContain('--epochs must be given: replace FILL_IN');
    expect(text).toContain('Make one (uv sync)');
    expect(text).toContain('Python >=3.11 (pyproject.toml)');
  });

  it('its API is started as its framework is', async () => {
    const { deployment } = await withProject('lightgbm', settingsOf);
    expect(deployment.command).toEqual(['uvicorn', 'src.churn.serve:app', '--host', '{host}', '--port', '{port}']);
    expect(deployment.checks).toEqual(['version']);
  });
});

it('a notebook is run by papermill, with the variables of its cell of parameters', async () => {
  const { steps, mlflow, search } = await withProject('notebook', settingsOf);
  expect(words(steps.trial)).toBe(
    'papermill Train.ipynb {output}/Train.ipynb -k python3 -p data {data} ' +
      '-p learning_rate {params.learning_rate} -p max_depth {params.max_depth}',
  );
  expect(mlflow.experiment).toBe('sales');
  expect(search).toMatchObject({ metric: 'val_auc', space: { max_depth: { type: 'int' } } });
});

it('an API that a variable says which model to load gets the version, and its only other route predicts', async () => {
  await withProject('empty', async (folder) => {
    const load = 'model = mlflow.pyfunc.load_model(os.environ.get("MODEL_URI", "models:/house-price/Production"))';
    const start = ['import os', 'import mlflow', 'from flask import Flask', 'app = Flask(__name__)', load];
    const routes = ['@app.get("/ping")', 'def ping(): ...', '@app.post("/api/v2/quote")', 'def quote(): ...'];
    await writeFile(join(folder, 'web.py'), [...start, ...routes, ''].join('\n'));
    const { registry, deployment } = await settingsOf(folder);
    expect(registry.registeredModel).toBe('house-price');
    expect(deployment.env).toEqual({ MODEL_URI: 'models:/{model}/{version}' });
    expect(deployment.contract).toMatchObject({ health: { path: '/ping' }, predict: { path: '/api/v2/quote' } });
  });
});

it('a folder with nothing but a table is searched by the bundled trials, and init says so', async () => {
  await withProject('empty', async (folder) => {
    const rows = Array.from({ length: 30 }, (_, index) => `${index},${index % 2}`);
    await writeFile(join(folder, 'a.csv'), ['x,y', ...rows, ''].join('\n'));
    const { out, err } = await mediwatch(['init', folder, '--yes'], { env: {} });
    expect(out + err).toMatch(/search +bundled/);
  });
});

it('an empty folder gets a file that says what to fill in', async () => {
  await withProject('empty', async (folder) => {
    const { search, deployment } = await settingsOf(folder);
    expect([search.trials, deployment.target]).toEqual([0, 'none']);
    const text = await readFile(join(folder, 'mediwatch.yaml'), 'utf8');
    expect(text).toContain('# steps:\n#   # No program was found that trains');
    expect(text).toContain('path: FILL_IN');
    expect(await readdir(folder)).toEqual(['mediwatch.yaml']);
  });
});
