// `node test/workflows/recordHistories.ts RELEASE [SCENARIO…]`: runs typical workflows and keeps their histories in
// test/histories/RELEASE, where the replay test finds them. Histories of a release are never overwritten: a change
// that no longer replays one would break a workflow that is under way.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import type { Progress, Waiting } from '../../src/contracts/progress.ts';
import {
  driftAlert,
  pauseSteward,
  resumeSteward,
  retrainNow,
  type StewardState,
  stewardQuery,
} from '../../src/contracts/steward.ts';
import { raiseAlert } from '../../src/systems/alerts.ts';
import { until } from '../support/until.ts';
import { createWorkflowBench, type WorkflowBench } from '../support/workflowBench.ts';
import { createWorld, DATASET } from '../support/world.ts';

const { History } = proto.temporal.api.history.v1;
const [release, ...chosen] = process.argv.slice(2);
if (!release) throw new Error('Name the release whose histories these are, such as 0.1.0.');
const folder = join(import.meta.dirname, '..', 'histories', release);
if (existsSync(folder)) throw new Error(`${folder} is there already: histories are not overwritten.`);

const waitsFor = (handle: WorkflowHandle, what: Waiting['for']) =>
  until(async () => (await handle.query<Progress>('progress').catch(() => null))?.waiting?.for === what, {
    timeoutMs: 30_000,
    what,
  });

const STEWARD = { MEDIWATCH_SEARCH_TRIALS: '0' };

async function alert(bench: WorkflowBench, alert: Parameters<typeof raiseAlert>[2]): Promise<WorkflowHandle> {
  return bench.client.workflow.getHandle(await raiseAlert(bench.client, 'MediWatchReadmit', alert));
}

const stewardIs = (handle: WorkflowHandle, what: string, isSo: (state: StewardState) => boolean) =>
  until(() => handle.query(stewardQuery).then(isSo, () => false), { timeoutMs: 30_000, what: `a steward ${what}` });

/** What is recorded: each makes its own world, and returns the workflow whose history is kept with its children's. */
const SCENARIOS: Record<string, (bench: WorkflowBench) => Promise<WorkflowHandle>> = {
  retrain: async (bench) => {
    await bench.run('retrain', { trials: 2 });
    return bench.start('retrain', { trials: 12 });
  },
  'retrain-without-search': (bench) => bench.start('retrain', { trials: 0, registryStage: 'Staging' }),
  'retrain-not-deployed': async (bench) => {
    await bench.run('retrain', { trials: 1 });
    bench.world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    return bench.start('retrain', { trials: 1 });
  },
  'search-with-pruned-trials': (bench) => {
    const split = { rows: 30_000, groups: 30_000, positives: 3_000 };
    const splits = { train: split, validation: split, test: split };
    bench.world.override.prepareDataset = async () => ({ ...DATASET, splits });
    bench.world.override.runRung = async ({ number, step }) => ({
      score: 0.5,
      pruned: number % 3 === 1 && step === 3,
    });
    return bench.start('hyperparameterSearch', { trials: 6 });
  },
  'search-with-failed-trials': (bench) => {
    bench.world.override.runTrial = async ({ number, key }) => {
      if (number % 3 === 0) throw failure('StepFailed', 'no convergence');
      return { score: 0.6, metrics: {}, runId: key };
    };
    return bench.start('hyperparameterSearch', { trials: 6 });
  },
  'promote-approved-canary': async (bench) => {
    bench.world = createWorld({ MEDIWATCH_ROLLOUT_BAKE_SECONDS: '0.4' });
    await bench.run('retrain', { trials: 0 });
    await bench.run('retrain', { trials: 0, registryStage: 'None' });
    const handle = await bench.start('promote', { approval: true, stagingFirst: true, strategy: 'canary' });
    await waitsFor(handle, 'decision');
    await handle.executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada' }] });
    return handle;
  },
  rollback: async (bench) => {
    await bench.run('retrain', { trials: 0 });
    await bench.run('retrain', { trials: 0 });
    return bench.start('rollback', { reason: 'recorded' });
  },
  steward: async (bench) => {
    bench.world = createWorld({ ...STEWARD, MEDIWATCH_STEWARD_BACKOFF: '0.5', MEDIWATCH_STEWARD_COOLDOWN: '2' });
    bench.world.override.trainModel = async () => {
      throw failure('StepFailed', 'no convergence');
    };
    const steward = await alert(bench, { key: 'a', reason: 'drift', report: 'http://mlflow/report' });
    await stewardIs(steward, 'backingOff', ({ phase }) => phase === 'backingOff');
    bench.world.override = {};
    await stewardIs(steward, 'cooling', ({ phase }) => phase === 'cooling');
    await alert(bench, { key: 'a' });
    await alert(bench, { key: 'b' });
    await stewardIs(steward, 'done with the third', ({ retrains, current }) => retrains === 3 && current === null);
    await steward.signal(pauseSteward, { by: 'ada', reason: 'recorded' });
    await steward.executeUpdate(retrainNow, { args: [{ by: 'ada' }] });
    await stewardIs(steward, 'paused', ({ phase }) => phase === 'paused');
    await steward.signal(resumeSteward, {});
    await stewardIs(steward, 'idle', ({ phase }) => phase === 'idle');
    await steward.cancel();
    return steward;
  },
  'steward-continued': async (bench) => {
    bench.world = createWorld(STEWARD);
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    bench.world.override.prepareDataset = () => promise.then(() => DATASET);
    const steward = await alert(bench, {});
    await stewardIs(steward, 'retraining', ({ phase }) => phase === 'retraining');
    const { runId } = await steward.describe();
    for (let sent = 0; (await steward.describe()).runId === runId; sent += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => steward.signal(driftAlert, { key: `${sent + index}` })),
      );
      // Temporal takes a continue-as-new back while a signal waits.
      await stewardIs(steward, 'up to date', ({ counted }) => counted > sent + 49);
    }
    await steward.signal(driftAlert);
    letGo();
    await stewardIs(steward, 'cooling', ({ phase }) => phase === 'cooling');
    await steward.cancel();
    return steward;
  },
};

const bench = await createWorkflowBench();
mkdirSync(folder, { recursive: true });
for (const [name, record] of Object.entries(SCENARIOS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  bench.world = createWorld();
  const handle = await record(bench);
  await handle.result().catch(() => undefined);
  const related = ['prepareData', 'hyperparameterSearch', 'trainBestAndRegister', 'promote', 'redeploy'] as const;
  const children = related.flatMap((stage) => {
    const id = workflowIds.stage(handle.workflowId, stage);
    return [id, workflowIds.stage(id, 'redeploy')];
  });
  for (const id of [handle.workflowId, ...children]) {
    const history = await bench.client.workflow
      .getHandle(id)
      .fetchHistory()
      .catch(() => undefined);
    if (!history) continue;
    const file = `${name}${id.slice(handle.workflowId.length).replaceAll('/', '.')}.binpb`;
    writeFileSync(join(folder, file), History.encode(history).finish());
    console.log(file);
  }
}
const lock = await bench.client.workflow.getHandle(workflowIds.lock('MediWatchReadmit')).fetchHistory();
writeFileSync(join(folder, 'modelLock.binpb'), History.encode(lock).finish());
await bench.close();
