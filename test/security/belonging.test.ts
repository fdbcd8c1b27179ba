import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPlanActivities } from '../../src/activities/orchestration.ts';
import { type Config, gatewayOf, loadConfig } from '../../src/config.ts';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';
import { driftAlert, resumeSteward, retrainNow, stewardQuery } from '../../src/contracts/steward.ts';
import { createDeployments } from '../../src/systems/deployment/index.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, type World } from '../support/world.ts';

/* An API belongs to the model that the settings of its deployment name, whoever starts what under whichever name. */

const bench = useWorkflowBench();
const MODEL = 'MediWatchReadmit';
const TYPO = 'MediWatchReadmitt';
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
  addVersions(world, 0.65, 0.7);
});

const serving = () => world.serving?.version;
/** Lets the worker go by other settings from now on, as after a restart. */
const setSettings = (change: (config: Config) => void) => {
  const config = loadConfig({ MEDIWATCH_SEARCH_TRIALS: '0' }, '/nowhere');
  change(config);
  Object.assign(world.override, createPlanActivities({ config, searchable: () => true }));
};

describe('a model name that the settings do not declare', () => {
  it.each([
    ['promote', { version: '2' }],
    ['redeploy', { version: '2' }],
    ['rollback', { version: '2' }],
    ['retrain', { trials: 0 }],
    ['buildImage', { version: '2' }],
    ['driftCheck', {}],
    ['prepareData', {}],
  ])('is refused by %s, which names what is near and changes nothing', async (type, input) => {
    const { type: code, message } = await bench.refusal(type, { registeredModel: TYPO, ...input });
    expect(code).toBe('ModelUndeclared');
    expect(message).toContain(`did you mean "${MODEL}"?`);
    expect(world.calls.filter(({ name }) => name !== 'resolvePlan')).toEqual([]);
    expect(serving()).toBe('1');
  });

  it('is promoted and rolled back where that is asked for, and the API of the declared one stays as it is', async () => {
    const undeclared = { registeredModel: TYPO, undeclared: true };
    expect(await bench.run('promote', { ...undeclared, version: '2', stagingFirst: true })).toMatchObject({
      promotion: { promoted: true },
      deployment: null,
    });
    expect(await bench.run('rollback', undeclared)).toMatchObject({ deployment: null });
    expect(await bench.run('retrain', { ...undeclared, trials: 0 })).toMatchObject({ deployment: null });
    expect(serving()).toBe('1');
    expect(world.count('bringUpCandidate')).toBe(0);
    expect(world.shares).toEqual([]);
  });

  it.each(['redeploy', 'buildImage', 'driftCheck', 'driftSteward'])('cannot even be asked for in %s', async (type) => {
    const { type: code } = await bench.refusal(type, { registeredModel: TYPO, undeclared: true });
    expect(code).toBe('InvalidInput');
  });

  it('has no API for a worker of deployments, whatever the plan of a run under way says', async () => {
    const config = loadConfig({}, '/nowhere');
    const { of, close } = createDeployments(config);
    expect(of(MODEL).config.registry.registeredModel).toBe(MODEL);
    expect(() => of(TYPO)).toThrow('the API belongs to another');
    await close();
  });
});

describe('two models', () => {
  it.each(['http://127.0.0.1:8001', 'http://localhost:8001/', 'http://[::1]:8001', 'HTTP://LOCALHOST:8001//'])(
    'share a gateway however its address is written: %s',
    (adminUrl) => {
      const config = loadConfig({ MEDIWATCH_DEPLOYMENT_ADMIN_URL: adminUrl }, '/nowhere');
      expect(gatewayOf(config)).toBe('http://127.0.0.1:8001');
    },
  );

  it('that come to one gateway, as the settings changed between, never move its traffic at once', async () => {
    let inside = 0;
    let most = 0;
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    world.override.bringUpCandidate = async () => {
      inside += 1;
      most = Math.max(most, inside);
      enter();
      await held;
      inside -= 1;
      return [];
    };
    const gateway = 'http://127.0.0.1:8001';
    const deploy = (registeredModel: string) =>
      setSettings((config) => {
        config.registry.registeredModel = registeredModel;
        config.deployment.adminUrl = gateway;
      });
    deploy(MODEL);
    const first = await bench.start('redeploy', { version: '2' });
    await entered;
    deploy('Sepsis');
    const second = await bench.start('redeploy', { version: '1', registeredModel: 'Sepsis' });
    await until(async () => (await queueOf(gateway)).length === 2, { timeoutMs: 30_000, what: 'both to want it' });
    letGo();
    await Promise.all([first.result(), second.result()]);
    expect(most).toBe(1);
  });

  const queueOf = (name: string) =>
    bench.client.workflow
      .getHandle(workflowIds.lock(name))
      .query<unknown[]>('lockQueue')
      .catch(() => []);
});

describe('a steward', () => {
  const steward = () => bench.client.workflow.getHandle(workflowIds.steward(MODEL));
  const paused = (isSo: boolean) =>
    until(
      async () => {
        const state = await steward().query(stewardQuery);
        return (state.paused !== null) === isSo ? state : undefined;
      },
      { timeoutMs: 30_000, what: `the steward ${isSo ? '' : 'not '}to be paused` },
    );
  const other = (config: Config) => {
    config.registry.registeredModel = 'Sepsis';
  };
  let handle: WorkflowHandle | undefined;

  it('whose model left the settings pauses, says why, keeps its alerts, and retrains once it is declared again', async () => {
    setSettings(() => undefined);
    handle = await bench.client.workflow.start('driftSteward', {
      workflowId: workflowIds.steward(MODEL),
      taskQueue: TASK_QUEUES.orchestration,
      args: [{ registeredModel: MODEL }],
    });
    await until(() => world.count('resolveStewardPlan') > 0, { timeoutMs: 30_000, what: 'its settings' });
    await paused(false);
    setSettings(other);
    await handle.signal(driftAlert, { key: 'a' });
    const state = await paused(true);
    expect(state).toMatchObject({ paused: { by: null, undeclared: true }, pending: { count: 1 }, retrains: 0 });
    expect(JSON.stringify(await handle.query('__temporal_workflow_metadata'))).toContain(
      'no longer declares its model',
    );

    // Nobody gets round it, by asking or by resuming.
    expect(await handle.executeUpdate(retrainNow, { args: [{ by: 'eve' }] })).toEqual({
      workflowId: null,
      startsAfter: null,
    });
    const asked = world.count('resolveStewardPlan');
    await handle.signal(resumeSteward);
    await until(() => world.count('resolveStewardPlan') > asked, { timeoutMs: 30_000, what: 'it to ask again' });
    expect(await paused(true)).toMatchObject({ retrains: 0, pending: { count: 1 } });
    expect(world.count('prepareDataset')).toBe(0);

    setSettings(() => undefined);
    await handle.signal(resumeSteward);
    await until(async () => (await steward().query(stewardQuery)).phase === 'cooling', {
      timeoutMs: 60_000,
      what: 'a retrain',
    });
    expect(world.count('trainModel')).toBe(1);
    await handle.cancel();
  });
});
