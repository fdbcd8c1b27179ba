import { userInfo } from 'node:os';
import type { Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Change, changeOf, changeText, type Outlook } from '../../src/cli/production.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import type { RegistryStage } from '../../src/contracts/registry.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { onTerminal } from '../support/pty.ts';
import { until } from '../support/until.ts';
import { createWorkflowBench, type WorkflowBench } from '../support/workflowBench.ts';
import { createWorld, type World } from '../support/world.ts';
import { jsonLines, mediwatch, NOWHERE } from './support.ts';

const MODEL = 'MediWatchReadmit';
const version = (number: string, testAuc: number | null, stage: RegistryStage = 'None', aliases: string[] = []) => ({
  version: number,
  testAuc,
  score: testAuc === null ? null : { metric: 'test_auc', value: testAuc },
  stage,
  aliases,
  runId: 'r',
  createdAt: '2026-01-31T02:00:00.000Z',
  url: '',
});
const serving = (number: string | null) => ({ url: '', version: number, registeredModel: MODEL, problem: null });

describe('what is said before Production changes', () => {
  const versions = [
    version('5', 0.6834),
    version('4', 0.6821, 'Production'),
    version('3', 0.67, 'Staging', ['previous']),
  ];
  const now: Outlook = { registeredModel: MODEL, versions, api: serving('4') };
  const promote = { does: 'promote', version: undefined, forced: false } as const;

  it.each<[string, Change, Outlook, string]>([
    [
      'a promotion',
      promote,
      now,
      'Version 4 (test AUC 0.6821) of MediWatchReadmit is in Production and serves; ' +
        'version 5 (test AUC 0.6834) would replace it, if the gate agrees.',
    ],
    [
      'by force',
      { ...promote, forced: true },
      now,
      'version 5 (test AUC 0.6834) would replace it, whatever the gate says.',
    ],
    ['of what is there', { ...promote, version: '4' }, now, 'nothing would take its place.'],
    ['of what is not', { ...promote, version: '9' }, now, 'version 9, which MLflow does not have, would replace it'],
    [
      'the first',
      promote,
      { ...now, versions: [version('1', null)] },
      'Nothing of MediWatchReadmit is in Production; version 1 would be the first',
    ],
    ['a retrain', { does: 'retrain' }, now, 'the version that is trained would replace it, if the gate agrees.'],
    [
      'a rollback',
      { does: 'rollback', version: undefined },
      now,
      'version 3 (test AUC 0.6700) would be back in its place.',
    ],
    [
      'one to nowhere',
      { does: 'rollback', version: undefined },
      { ...now, versions: [version('4', 0.68, 'Production')] },
      'there is no version',
    ],
    [
      'a redeployment',
      { does: 'redeploy', version: undefined },
      { ...now, api: serving(null) },
      'no API answers with it; a new API of version 4 (test AUC 0.6821) would be started',
    ],
    [
      'another one serves',
      { does: 'redeploy', version: undefined },
      { ...now, api: serving('3') },
      'but the API serves version 3',
    ],
    [
      'another model serves',
      { does: 'redeploy', version: undefined },
      { ...now, api: { ...serving('4'), registeredModel: 'Churn' } },
      'but the API serves version 4 of Churn',
    ],
    [
      'without MLflow',
      promote,
      { ...now, versions: null },
      'MLflow does not answer, so what is in Production of MediWatchReadmit is not known.',
    ],
  ])('%s', (_name, change, outlook, text) => {
    expect(changeText(change, outlook)).toContain(text);
  });

  it('is nothing where Production does not move, or a person is asked later', () => {
    const config = loadConfig({}, PROJECT_ROOT);
    expect(changeOf('retrain', {}, config)).toEqual({ does: 'retrain' });
    const staging = { registryStage: 'Staging' };
    for (const input of [staging, { registryStage: 'None' }, { approval: true }, { policy: 'never' }]) {
      expect(changeOf('retrain', input, config)).toBeNull();
    }
    expect(changeOf('promote', staging, config)).toBeNull();
    expect(changeOf('promote', { approval: true }, config)).toBeNull();
    expect(changeOf('promote', { policy: 'never', force: true }, config)).toMatchObject({ forced: true });
    expect(changeOf('driftCheck', {}, config)).toBeNull();
  });
});

let bench: WorkflowBench;
let mlflow: MlflowServer;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  [bench, mlflow] = await Promise.all([createWorkflowBench(), startMlflow()]);
  env = {
    TEMPORAL_ADDRESS: (bench.client.connection as Connection).options.address,
    MLFLOW_TRACKING_URI: mlflow.uri,
    MEDIWATCH_DEPLOYMENT_API_URL: `http://${NOWHERE}`,
  };
  const registry = createMlflow({ uri: mlflow.uri, timeoutMs: 20_000 });
  await registry.ensureRegisteredModel(MODEL);
  const experimentId = await registry.ensureExperiment('production');
  const { runId } = await registry.createRun({ experimentId, name: 'run', tags: {} });
  for (const testAuc of ['0.67', '0.68']) {
    await registry.createVersion({ name: MODEL, source: `runs:/${runId}/model`, runId, tags: { test_auc: testAuc } });
  }
  await registry.transitionStage(MODEL, '1', 'Production');
  await registry.close();
}, 150_000);
afterAll(async () => {
  await Promise.all([bench.close(), mlflow.stop()]);
});
beforeEach(() => setWorld());

function setWorld(settings: Record<string, string> = {}): void {
  world = createWorld(settings);
  bench.world = world;
}

/** Two versions, the first of them in Production. */
async function twoVersions(): Promise<void> {
  await bench.run('retrain', { trials: 1 });
  await bench.run('retrain', { trials: 1, registryStage: 'None' });
}

const inProduction = () => world.versions.find(({ stage }) => stage === 'Production')?.version;
const command = (...args: string[]) => onTerminal([process.execPath, `${PROJECT_ROOT}/src/client.ts`, ...args], env);

describe('on a terminal', () => {
  it('a promotion shows what it would change, and asks: no, Ctrl-C and the end of the input start nothing', async () => {
    await twoVersions();
    for (const key of ['n\n', '\n', '\u0003', '\u0004']) {
      const terminal = command('promote', '2');
      await terminal.sees('Promote it? [y/N]');
      expect(terminal.shown()).toContain(
        'Version 1 (test AUC 0.6700) of MediWatchReadmit is in Production, but no API answers with it; ' +
          'version 2 (test AUC 0.6800) would replace it, if the gate agrees.',
      );
      terminal.type(key);
      expect(await terminal.ended()).toBe(1);
      expect(terminal.shown()).toContain('Nothing was started.');
      expect(terminal.shown()).not.toContain('Started');
    }
    expect(inProduction()).toBe('1');
  });

  it('a yes starts it, and so does --yes without a question', async () => {
    await twoVersions();
    const asked = command('promote', '2', '--detach');
    await asked.sees('[y/N]');
    asked.type('y\n');
    await asked.sees('Started promote-');
    expect(await asked.ended()).toBe(0);
    const told = command('retrain', '--yes', '--detach');
    await told.sees('Started retrain-');
    expect(told.shown()).not.toContain('[y/N]');
    expect(await told.ended()).toBe(0);
  });

  it('nothing is asked about what was started before with the same id', async () => {
    await twoVersions();
    const first = await mediwatch(['promote', '2', '--id', 'release'], { env });
    const again = command('promote', '2', '--id', 'release');
    await again.sees('release was started before');
    // What earlier tests started may have changed Production meanwhile: it ends as the first one did.
    expect(await again.ended()).toBe(first.code);
    expect(again.shown()).not.toContain('[y/N]');
  });

  it.each([
    [['rollback'], 'Roll back? [y/N]'],
    [['redeploy'], 'Redeploy? [y/N]'],
    [['retrain'], 'Retrain, and let the gate decide? [y/N]'],
    [['steward', 'retrain-now'], 'Retrain, and let the gate decide? [y/N]'],
  ])('%j asks too', async (args, question) => {
    const terminal = command(...args);
    await terminal.sees(question);
    terminal.type('n\n');
    expect(await terminal.ended()).toBe(1);
  });

  it('nothing is asked where Production does not move', async () => {
    const terminal = command('retrain', '--stage', 'Staging', '--detach');
    expect(await terminal.ended()).toBe(0);
    expect(terminal.shown()).not.toContain('[y/N]');
  });
});

describe('--dry-run', () => {
  it('of a promotion, a rollback and a redeployment tells what would change, and changes nothing', async () => {
    await twoVersions();
    const promote = await mediwatch(['promote', '2', '--dry-run', '--force'], { env });
    expect([promote.code, promote.out]).toEqual([0, expect.stringContaining('Version 2 would move to Production')]);
    const redeploy = await mediwatch(['redeploy', '2', '--dry-run'], { env });
    expect([redeploy.code, redeploy.out]).toEqual([0, expect.stringContaining('An API of version 2 would be started')]);
    const rollback = await mediwatch(['rollback', '2', '--dry-run', '--json'], { env });
    expect([rollback.code, jsonLines(rollback.out).at(-1)]).toEqual([
      0,
      expect.objectContaining({
        result: expect.objectContaining({
          would: expect.arrayContaining([expect.objectContaining({ code: 'rollBack' })]),
        }),
      }),
    ]);
    expect(inProduction()).toBe('1');
  });

  it('of a promotion that the gate refuses ends with 3', async () => {
    await twoVersions();
    const { code, out } = await mediwatch(['promote', '2', '--policy', 'never', '--dry-run'], { env });
    expect([code, out]).toEqual([3, expect.stringContaining('Dry run')]);
  });

  it('of a retrain needs no Temporal and no worker, and shows what the flags make of it', async () => {
    const away = { ...env, TEMPORAL_ADDRESS: NOWHERE };
    const args = [
      'retrain',
      '--trials',
      '7',
      '--model',
      'rf',
      '--max-auc-loss',
      '0.02',
      '--strategy',
      'canary',
      '--dry-run',
    ];
    const { code, out } = await mediwatch(args, { env: away });
    expect(code).toBe(0);
    for (const text of [
      '7 trials',
      'at most 0.02 lower',
      'a share of the traffic first',
      'Version 1 (test AUC 0.6700)',
    ]) {
      expect(out).toContain(text);
    }
    expect(out).toContain('Dry run: nothing was started.');
    const { out: json } = await mediwatch([...args, '--json'], { env: away });
    expect(JSON.parse(json)).toMatchObject({ dryRun: true, plan: { trials: 7, model: 'rf' }, input: { trials: 7 } });
  });

  it('of a cancellation names the workflow and all that it runs', async () => {
    setWorld({ MEDIWATCH_APPROVAL_REQUIRED: 'true' });
    const retrain = await bench.start('retrain', { trials: 1 });
    const promotion = `${retrain.workflowId}/promote`;
    const waits = async () =>
      (
        await bench.client.workflow
          .getHandle(promotion)
          .query<Progress>('progress')
          .catch(() => null)
      )?.waiting?.for === 'decision';
    await until(waits, { timeoutMs: 20_000, what: 'the promotion to wait' });
    const { code, out } = await mediwatch(['cancel', retrain.workflowId, '--dry-run', '--json'], { env });
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        event: 'cancelRequested',
        dryRun: true,
        workflow: 'retrain',
        workflowId: retrain.workflowId,
        children: [{ workflowId: promotion, workflow: 'promote' }],
      },
    ]);
    expect((await retrain.describe()).status.name).toBe('RUNNING');

    const approve = await mediwatch(['approve', retrain.workflowId, '--dry-run'], { env });
    expect([approve.code, approve.out]).toEqual([0, expect.stringContaining('Version 1 would be approved as')]);
    expect(await waits()).toBeTruthy();
    await retrain.cancel();
    await retrain.result().catch(() => undefined);
  });

  it('cannot be detached from', async () => {
    expect(await mediwatch(['promote', '--dry-run', '--detach'], { env })).toMatchObject({ code: 2 });
  });
});

describe('who did it', () => {
  it('a retrain that a person starts has that person in the history of Production, and in lists', async () => {
    const { code, out } = await mediwatch(['retrain', '--trials', '1', '--follow', '--json'], { env });
    expect(code).toBe(0);
    const [started] = jsonLines(out);
    const handle = bench.client.workflow.getHandle(String(started?.workflowId));
    const me = userInfo().username;
    expect(world.history.at(-1)).toMatchObject({ reason: { code: 'promote' }, actor: me });
    const { staticSummary, staticDetails } = await handle.describe().then(async (description) => ({
      staticSummary: await description.staticSummary(),
      staticDetails: await description.staticDetails(),
    }));
    expect(staticSummary).toBe(`Retrain ${MODEL}, by ${me}`);
    expect(staticDetails).toContain('"trials": 1');
  });
});
