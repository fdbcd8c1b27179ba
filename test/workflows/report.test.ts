import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { whileHeartbeating } from '../../src/activities/lib/step.ts';
import type { ReportRequest } from '../../src/activities/training/report.ts';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import type { ModelVersionRef } from '../../src/contracts/registry.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { createWorld, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld();
});

const URL_1 = 'http://mlflow/run/report/1';
const retrain = async (input: object = {}) => (await bench.run('retrain', { trials: 1, ...input })) as RetrainResult;
const reports = () =>
  world.calls.filter(({ name }) => name === 'writeReport').map(({ input }) => input as unknown as ReportRequest);
const progressOf = (handle: WorkflowHandle) => handle.query<Progress>('progress');
const linkOf = async (handle: WorkflowHandle) =>
  (await progressOf(handle)).links.find(({ kind }) => kind === 'modelReport')?.url;

describe('the report of a retrain', () => {
  it('is written once while nothing is decided, and once more with what became of the version', async () => {
    const handle = await bench.start('retrain', { trials: 2, trigger: 'schedule', driftReport: 'http://drift' });
    const { version } = (await handle.result()) as RetrainResult;
    expect(version.reportUri).toBe('runs:/run-1/report/report.html');
    expect(await linkOf(handle)).toBe(URL_1);
    const [first, second] = reports();
    expect(first).toMatchObject({
      version: '1',
      champion: null,
      params: { x: 1 },
      search: { metric: 'validation AUC', direction: 'maximize' },
      lineage: { workflowId: handle.workflowId, trigger: 'schedule' },
      driftReport: 'http://drift',
      outcome: null,
    });
    expect(first?.search.trials).toHaveLength(2);
    const outcome = { stage: 'Production', promoted: true, approvedBy: null, deployed: true };
    expect(second).toEqual({ ...first, outcome: expect.objectContaining(outcome) });
    expect(reports()).toHaveLength(2);
  });

  it('compares with the version that is replaced, also after it was', async () => {
    await retrain();
    world.calls.length = 0;
    await retrain();
    expect(reports().map(({ version, champion }) => [version, champion])).toEqual([
      ['2', '1'],
      ['2', '1'],
    ]);
  });

  it('holds up neither promotion nor deployment', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    world.override.writeReport = async ({ version }) => {
      await held;
      return { reportUri: `runs:/${version}`, url: URL_1 };
    };
    const handle = await bench.start('retrain', { trials: 1 });
    await until(() => world.serving?.version === '1', { timeoutMs: 20_000, what: 'version 1 to serve' });
    expect(world.aliases.champion).toBe('1');
    letGo();
    await handle.result();
    expect(reports().map(({ outcome }) => outcome?.promoted)).toEqual([undefined, true]);
  });

  it('that cannot be written changes nothing, and is told', async () => {
    world.override.writeReport = async () => {
      throw failure('StepFailed', 'No font was found.');
    };
    const handle = await bench.start('retrain', { trials: 1 });
    expect(await handle.result()).toMatchObject({ version: { reportUri: null }, deployment: { version: '1' } });
    const { links, remarks } = await progressOf(handle);
    expect(links.map(({ kind }) => kind)).not.toContain('modelReport');
    expect(remarks).toMatchObject([{ code: 'reportNotWritten', cause: expect.stringContaining('No font was found.') }]);
    expect(reports()).toHaveLength(1);
    expect([...world.runs.values()]).toEqual(['FINISHED']);
  });

  it('tells of a version that was refused', async () => {
    await retrain();
    world.override.trainModel = async ({ runId }) => ({ runId, modelUri: 'models:/x', metrics: { test_auc: 0.6 } });
    await retrain();
    expect(reports().at(-1)?.outcome).toMatchObject({ promoted: false, deployed: false });
    expect(reports().at(-1)?.outcome?.reason).toContain('0.6000 against 0.6800');
  });

  it('tells why a promotion failed, and the retrain fails as it would have', async () => {
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    expect((await bench.refusal('retrain', { trials: 1 })).type).toBe('CandidateUnhealthy');
    expect(reports().at(-1)?.outcome).toMatchObject({ promoted: false, reason: expect.stringContaining('500') });
  });

  it('has no outcome where only a version was asked for', async () => {
    expect((await retrain({ registryStage: 'None' })).version.reportUri).toBe('runs:/run-1/report/report.html');
    expect(reports().map(({ outcome }) => outcome)).toEqual([null]);
  });

  it('is not made for a project that skips it', async () => {
    world = bench.world = createWorld({}, { report: false });
    expect((await retrain()).version.reportUri).toBeNull();
    expect(reports()).toEqual([]);
  });

  it('is cancelled with its retrain, which ends when its processes are gone', async () => {
    let ended = false;
    const untilCancelled = () => whileHeartbeating(() => Context.current().cancelled);
    world.override.writeReport = () =>
      untilCancelled().finally(async () => {
        await delay(500);
        ended = true;
      });
    world.override.bringUpCandidate = untilCancelled;
    const handle = await bench.start('retrain', { trials: 1 });
    await until(() => world.count('bringUpCandidate') === 1 && world.count('writeReport') === 1, {
      timeoutMs: 20_000,
      what: 'the deployment',
    });
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect(ended).toBe(true);
    expect(reports()).toHaveLength(1);
    expect([...world.runs.values()]).toEqual(['KILLED']);
  });
});

it('a training alone ends with its report', async () => {
  const handle = await bench.start('trainBestAndRegister', { params: { x: 3 } });
  const version = (await handle.result()) as ModelVersionRef;
  expect(version.reportUri).toBe('runs:/run-1/report/report.html');
  expect(reports()).toMatchObject([{ version: '1', params: { x: 3 }, search: { trials: [] }, outcome: null }]);
  expect(await linkOf(handle)).toBe(URL_1);
});

it('who is asked to approve finds the report', async () => {
  world = bench.world = createWorld({}, { told: true });
  await retrain({ registryStage: 'None' });
  const handle = await bench.start('promote', { approval: true });
  await until(() => world.calls.some(({ name, input }) => name === 'notify' && input.event === 'approvalNeeded'), {
    timeoutMs: 20_000,
    what: 'the question',
  });
  expect(await linkOf(handle)).toBe(URL_1);
  await handle.executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada' }] });
  await handle.result();
  const told = world.calls.filter(({ name }) => name === 'notify').map(({ input }) => input);
  for (const event of ['retrainFinished', 'approvalNeeded', 'promoted']) {
    const links = told.find((news) => news.event === event)?.links;
    expect(links, event).toContainEqual({ name: 'Model report', url: URL_1 });
  }
});
