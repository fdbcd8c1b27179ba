import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison, MetricRule } from '../../src/contracts/registry.ts';
import type { ArtifactRef } from '../../src/contracts/training.ts';
import { judgeAgreement, judgeProduction } from '../../src/doctor/registry.ts';
import { type Judgement, judgePromotion } from '../../src/domain/promotionGate.ts';
import { inProduction } from '../../src/domain/registryMoves.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { readSnapshot } from '../../src/systems/mlflow/registryChanges.ts';
import { verdictText } from '../../src/words/verdicts.ts';
import { mediwatch } from '../cli/support.ts';
import { contestOf } from '../domain/contest.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../support/project.ts';
import { createStepBench, type StepBench } from '../systems/steps/bench.ts';

/** Trainings of the project itself: all that is known of their versions is what their runs logged. */
const FOREIGN = { prepare: { skip: true }, trial: { skip: true }, train: { command: ['python', 'train.py'] } };

let server: MlflowServer;
let mlflow: Mlflow;
let project: TestProject;
let bench: StepBench;
let number = 0;

beforeAll(async () => {
  server = await startMlflow();
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 30_000 });
});
afterAll(async () => {
  await mlflow?.close();
  await server?.stop();
});
afterEach(async () => {
  await bench?.close();
  project?.remove();
});

/** A project with its own registered model. */
async function open(steps: object = {}): Promise<string> {
  const registeredModel = `Case${++number}`;
  const settings = { registry: { registeredModel }, steps: { ...FOREIGN, ...steps } };
  project = createProject(settings, { MEDIWATCH_MLFLOW_URI: server.uri });
  bench = await createStepBench(project.config);
  await mlflow.ensureRegisteredModel(registeredModel);
  return registeredModel;
}

/** Registers a version with these scores, trained on a data set with this digest. */
async function version(model: string, metrics: Record<string, number>, dataset?: string | ArtifactRef): Promise<void> {
  const experimentId = await mlflow.ensureExperiment('cases');
  const { runId } = await mlflow.createRun({ experimentId, name: 'training', tags: {} });
  await mlflow.logBatch(runId, { metrics });
  const ref =
    typeof dataset === 'object' ? dataset : { uri: 'file:///data', sha256: (dataset ?? '').repeat(64), sizeBytes: 1 };
  const tags: Record<string, string> = dataset ? { 'mediwatch.dataset': JSON.stringify(ref) } : {};
  await mlflow.createVersion({ name: model, source: `runs:/${runId}/model`, runId, tags });
}

/** What the gate says of a version, after the comparison as a worker makes it. */
async function judged(model: string, challenger: string, ...metrics: string[]): Promise<Judgement & { said: string }> {
  const rules: MetricRule[] = metrics.map((metric) => ({ metric, direction: 'higher', maxLoss: 0.005 }));
  const champion = inProduction(await readSnapshot(mlflow, model));
  const { ref: dataset } = await bench.dataset();
  const request = { dataset, registeredModel: model, challenger, champion, rules };
  const comparison: Comparison = await bench.call('compareVersions', request);
  const judgement = judgePromotion(
    contestOf({ challenger: { version: challenger, tags: {}, createdAt: 0 }, champion, comparison, rules }),
  );
  return { ...judgement, said: verdictText(judgement.verdict) };
}

const cli = async (model: string, ...args: string[]) => {
  const env = { MEDIWATCH_REGISTRY_REGISTERED_MODEL: model, MLFLOW_TRACKING_URI: server.uri };
  return await mediwatch(args, { env: { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' }, cwd: project.dir });
};

describe('a model that tells nothing apart', () => {
  it.each([
    ['a constant classifier', 'test_auc', 0.5],
    ['one that is worse than chance', 'roc_auc', 0.47],
    ['a regression worse than the mean', 'test_r2', -0.2],
  ])('%s is not promoted, although nothing is in Production', async (_, metric, score) => {
    const model = await open();
    await version(model, { [metric]: score });
    const { promote, verdict, said } = await judged(model, '1', metric);
    expect([promote, verdict]).toMatchObject([false, { code: 'belowFloor', floor: { metric, score, low: null } }]);
    expect(said).toMatch(/no better than a trivial model.*"mediwatch promote VERSION --force".*promotion\.floor/);
  });

  it('of an error alone nobody knows, which is said; a good one passes', async () => {
    const model = await open();
    await version(model, { test_rmse: 3 });
    await version(model, { test_r2: 0.3 });
    const unknown = await judged(model, '1', 'test_rmse');
    expect([unknown.promote, unknown.said]).toEqual([
      true,
      expect.stringContaining('trivial model scores as well is not'),
    ]);
    expect(await judged(model, '2', 'test_r2')).toMatchObject({ promote: true, verdict: { floor: { trivial: 0 } } });
  });

  it('one without the score of the rule is refused with what its run logged, and how to name it', async () => {
    const model = await open();
    await version(model, { accuracy: 0.9 });
    const { verdict, said } = await judged(model, '1', 'test_auc');
    expect(verdict).toMatchObject({ code: 'scoresMissing', logged: ['accuracy'] });
    expect(said).toMatch(/only accuracy.*promotion\.rules.*steps\.train\.outputs\.metrics.*--force/);
  });
});

describe('a registry that uses aliases only', () => {
  it('has its champion in Production, for the gate and for whoever looks', async () => {
    const model = await open();
    for (const auc of [0.6, 0.8, 0.7]) await version(model, { test_auc: auc });
    await mlflow.setAlias(model, 'champion', '2');
    await mlflow.setAlias(model, 'previous', '1');
    expect(await judged(model, '3', 'test_auc')).toMatchObject({
      promote: false,
      verdict: { code: 'refused', champion: '2' },
    });
    const snapshot = await readSnapshot(mlflow, model);
    expect(judgeProduction(model, snapshot)).toMatchObject({ code: 'productionVersion', facts: { version: '2' } });
    expect(judgeAgreement(snapshot).disagreements).toEqual([]);
    expect(JSON.parse((await cli(model, 'status', '--json')).out).registry.production).toMatchObject({ version: '2' });
    expect(JSON.parse((await cli(model, 'history', '--production', '--json')).out).production).toBe('2');
    expect(JSON.parse((await cli(model, 'compare', '3', 'production', '--json')).out).b.version).toBe('2');
  });

  it.each([
    ['the stage counts where there is one', 'Production', '1'],
    ['an archived champion is none', 'Archived', null],
  ] as const)('%s', async (_, stage, expected) => {
    const model = await open();
    await version(model, { test_auc: 0.6 });
    await version(model, { test_auc: 0.7 });
    await mlflow.setAlias(model, 'champion', stage === 'Production' ? '2' : '1');
    await mlflow.transitionStage(model, '1', stage);
    expect(inProduction(await readSnapshot(mlflow, model))).toBe(expected);
  });
});

describe('scores that the trainings recorded', () => {
  const compared = async (ours?: string, theirs?: string) => {
    const model = await open();
    await version(model, { test_auc: 0.6 }, theirs);
    await version(model, { test_auc: 0.8 }, ours);
    await mlflow.transitionStage(model, '1', 'Production');
    const page = await cli(model, 'compare', '2', '1');
    return { ...(await judged(model, '2', 'test_auc')), page: page.out };
  };

  it('of different data are not comparable, and the refusal offers what compares them', async () => {
    const { promote, verdict, said, page } = await compared('a', 'b');
    expect([promote, verdict.code]).toEqual([false, 'notComparable']);
    expect(said).toMatch(/are not comparable.*steps\.evaluate.*\{version\}.*--force/);
    expect(page).toMatch(/Not comparable.*steps\.evaluate/s);
  });

  it.each([
    [
      'a time stamp',
      'import sys, time; open(sys.argv[2], "w").write(open(sys.argv[1]).read() + str(time.time_ns()))',
      true,
    ],
    ['the rows alone', 'import sys; open(sys.argv[2], "w").write(open(sys.argv[1]).read())', false],
  ])('a preparation that writes %s on each run: %s', async (_, script, isUnsteady) => {
    const prepare = { command: ['python3', '-c', script, '{data}', '{output}/rows.csv'] };
    const model = await open({ prepare });
    for (const test_auc of [0.6, 0.8]) await version(model, { test_auc }, (await bench.dataset()).ref);
    await mlflow.transitionStage(model, '1', 'Production');
    const { promote, verdict, said } = await judged(model, '2', 'test_auc');
    expect([promote, verdict.code]).toEqual(isUnsteady ? [false, 'notComparable'] : [true, 'passed']);
    if (isUnsteady) {
      expect(verdict).toMatchObject({ unsteadyData: true });
      expect(said).toMatch(
        /although the same command made both of the same file.*time stamp.*sorted rows.*steps\.evaluate/,
      );
    }
  });

  it.each([
    ['the same data', 'a', 'a', 'recorded, of the same data'],
    ['data of which nobody knows the digest', 'a', undefined, 'whether they are of the same rows is not known'],
  ])('of %s are compared, which is said', async (_, ours, theirs, words) => {
    const { promote, said } = await compared(ours, theirs);
    expect([promote, said]).toEqual([true, expect.stringContaining(words)]);
  });
});

it('steps.evaluate with {version} loads both models in the environment of the project, and scores them on the same rows', async () => {
  const command = ['python', 'evaluate.py', '--model=models:/{registeredModel}/{version}'];
  const model = await open({ evaluate: { command, venv: VENV, outputs: { pattern: 'test_r2=(?<test_r2>\\S+)' } } });
  const [train, evaluate] = [join(project.dir, 'train.py'), join(project.dir, 'evaluate.py')];
  writeFileSync(train, TRAIN);
  writeFileSync(evaluate, EVALUATE);
  await execa(join(VENV, 'bin/python'), [train, model], { env: { MLFLOW_TRACKING_URI: server.uri } });
  await mlflow.transitionStage(model, '1', 'Production');
  const { promote, verdict } = await judged(model, '2', 'test_r2');
  expect([promote, verdict]).toMatchObject([true, { code: 'passed', recorded: false, champion: '1' }]);
  const [rule] = 'rules' in verdict ? verdict.rules : [];
  // Their runs logged other scores, of other rows.
  expect([rule?.champion, rule?.challenger]).toEqual([expect.closeTo(0.5, 1), expect.closeTo(1, 5)]);
});

const TRAIN = `
import sys
import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression

rows = np.random.default_rng(0).normal(size=(200, 2))
target = rows[:, 0] + rows[:, 1]
for columns in ([0], [0, 1]):
    with mlflow.start_run():
        kept = rows * np.isin([0, 1], columns)
        mlflow.log_metric("test_r2", 0.123)
        model = LinearRegression().fit(kept, target)
        mlflow.sklearn.log_model(model, name="model", registered_model_name=sys.argv[1], pip_requirements=["scikit-learn"])
`;

const EVALUATE = `
import sys
import mlflow
import numpy as np
from sklearn.metrics import r2_score

rows = np.random.default_rng(1).normal(size=(400, 2))
model = mlflow.sklearn.load_model(sys.argv[1].removeprefix("--model="))
print(f"test_r2={r2_score(rows[:, 0] + rows[:, 1], model.predict(rows))}")
`;
