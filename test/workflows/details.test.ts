import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { decidePromotion } from '../../src/contracts/approval.ts';
import { failure } from '../../src/contracts/errors.ts';
import { workflowIds } from '../../src/contracts/names.ts';
import { payloadConverter } from '../../src/contracts/payloads.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import { driftAlert, type StewardState, stewardQuery } from '../../src/contracts/steward.ts';
import { WORKFLOWS } from '../../src/contracts/workflows.ts';
import { until } from '../support/until.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { addVersions, createWorld, DATASET, driftDocument, type World } from '../support/world.ts';

const bench = useWorkflowBench();
let world: World;

beforeEach(() => {
  world = bench.world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '2' });
});

interface Metadata {
  definition: Record<'queryDefinitions' | 'signalDefinitions' | 'updateDefinitions', Described[]>;
  currentDetails: string;
}
interface Described {
  name: string;
  description?: string;
}
const metadata = (handle: WorkflowHandle) => handle.query<Metadata>('__temporal_workflow_metadata');
const details = async (handle: WorkflowHandle) => (await metadata(handle)).currentDetails;
const child = (handle: WorkflowHandle, ...stages: Parameters<typeof workflowIds.stage>[1][]) =>
  bench.client.workflow.getHandle(stages.reduce(workflowIds.stage, handle.workflowId));
/** The details once they say so. */
const says = (handle: WorkflowHandle, words: string) =>
  until(
    async () => {
      const text = await details(handle).catch(() => '');
      return text.includes(words) ? text : undefined;
    },
    { timeoutMs: 20_000, what: `the details of ${handle.workflowId} to say "${words}"` },
  );
/** The details of a workflow that has failed. */
const afterFailure = async (type: string, input?: unknown) => {
  const handle = await bench.start(type, ...(input === undefined ? [] : [input]));
  await expect(handle.result()).rejects.toThrow();
  return { handle, text: await details(handle) };
};

const versions = (...aucs: number[]) => addVersions(world, ...aucs);

describe('the details of a workflow', () => {
  it('are there from its first task on, and say what it does and for which model', async () => {
    let letGo = () => {};
    world.override.prepareDataset = () =>
      new Promise((resolve) => {
        letGo = () => resolve(DATASET);
      });
    const handle = await bench.start('prepareData');
    const text = await says(handle, 'MediWatchReadmit');
    expect(text).toContain(`**prepareData, MediWatchReadmit.** ${WORKFLOWS.prepareData.about}`);
    expect(text).toContain('| ▶ | Prepare data | 20');
    expect(text).toContain(`\`mediwatch logs ${handle.workflowId}\``);
    await until(() => world.count('prepareDataset') === 1, { timeoutMs: 20_000, what: 'the step' });
    letGo();
    await handle.result();
    expect(await details(handle)).toMatch(/^\*\*Result\.\*\* 30 rows[,.;]/);
  });

  it('say so when not even the settings could be read', async () => {
    world.override.resolvePlan = async () => {
      throw failure('InvalidConfig', 'There is no model of this name.');
    };
    const { text } = await afterFailure('redeploy', { version: '7' });
    expect(text).toMatch(/^\*\*What happened\.\*\* There is no model of this name\./);
    expect(text).toContain('**redeploy, version 7.**');
    expect(text).toContain('"mediwatch doctor"');
  });

  it('of a retrain link its stages, and end with what came of it', async () => {
    const handle = await bench.start('retrain', { trials: 2 });
    await handle.result();
    const text = await details(handle);
    expect(text).toMatch(
      /^\*\*Result\.\*\* MediWatchReadmit version 1, test AUC 0\.6800\. Version 1 is in Production\./,
    );
    for (const stage of ['prepareData', 'hyperparameterSearch', 'trainBestAndRegister', 'promote']) {
      expect(text).toContain(`](http`);
      expect(text).toContain(`${handle.workflowId}%2F${stage})`);
    }
    expect(text).toContain(`${handle.workflowId}%2Fredeploy)`);
    expect(text).toMatch(
      /\*\*Search\.\*\* 2 of 2 trials done\. Best so far: trial 1, validation AUC \*\*0\.6010\*\* with x 1/,
    );
    expect(await details(child(handle, 'promote'))).toContain(`[Started by](`);
  });

  it('of a search alone tell the trials as a retrain does', async () => {
    const handle = await bench.start('hyperparameterSearch', { trials: 3 });
    await handle.result();
    const text = await details(handle);
    expect(text).toContain('3 of 3 trials done. Best so far: trial 2, validation AUC **0.6020** with x 2.');
    expect(text).toMatch(/^\*\*Result\.\*\* /);
  });

  it('of a workflow without stages say what came of it too', async () => {
    const [image, check] = await Promise.all([bench.start('buildImage', { version: '1' }), bench.start('driftCheck')]);
    await Promise.all([image.result(), check.result()]);
    const built = 'Built api:1 for linux/amd64. It is in the registry as api@sha256:aa';
    expect(await details(image)).toContain(`**Result.** ${built}`);
    expect(await details(check)).toContain('No alert was raised.');
  });

  it('of the lock say who holds it and that nothing is to be done', async () => {
    versions(0.68);
    const { promise, resolve } = Promise.withResolvers<void>();
    world.override.preflight = () => promise;
    const first = await bench.start('redeploy', { version: '1' });
    const lock = bench.client.workflow.getHandle(workflowIds.lock('MediWatchReadmit'));
    expect(await says(lock, `**Held by** \`${first.workflowId}\``)).toContain('Nothing has to be done here');
    const second = await bench.start('redeploy', { version: '1' });
    await says(lock, second.workflowId);
    expect(await says(second, '**Waiting** for the lock')).toContain('modelLock/MediWatchReadmit');
    await until(async () => (await waitingAs(second)) === 'lock', { timeoutMs: 20_000, what: 'it to be listed' });
    resolve();
    await Promise.all([first.result(), second.result()]);
    expect(await waitingAs(second)).toBeUndefined();
  });
});

/** What a workflow is listed as waiting for. */
async function waitingAs(handle: WorkflowHandle): Promise<unknown> {
  return (await handle.describe()).typedSearchAttributes.getAll().find(({ key }) => key.name === 'MediwatchWaiting')
    ?.value;
}

describe('a promotion that waits for a person', () => {
  it('shows the evidence, a deadline and JSON that works, and is listed as waiting for an approval', async () => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    const text = await says(handle, '**Waiting for your decision**');
    expect(text).toContain('test AUC 0.6900 against 0.6800 of version 1');
    await until(async () => (await waitingAs(handle)) === 'approval', { timeoutMs: 20_000, what: 'it to be listed' });
    const { waiting } = await handle.query<Progress>('progress');
    expect(waiting).toMatchObject({ for: 'decision', registeredModel: 'MediWatchReadmit', version: '2' });
    const [, json] = /```json\n([\s\S]*?)\n```/.exec(text) ?? [];
    await handle.executeUpdate(decidePromotion, { args: [JSON.parse(json ?? '')] });
    await handle.result();
    expect(await details(handle)).toMatch(/^\*\*Result\.\*\* Version 2 is in Production\./);
    expect((await handle.query<Progress>('progress')).waiting).toBeNull();
    expect(await waitingAs(handle)).toBeUndefined();
  });

  it('shows its parent whom to answer', async () => {
    const handle = await bench.start('retrain', { trials: 0, approval: true });
    const text = await says(handle, 'a decision about version 1');
    expect(text).toContain(`mediwatch approve ${handle.workflowId}/promote`);
    await child(handle, 'promote').executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada' }] });
    await handle.result();
  });
});

describe('a failure', () => {
  it.each([
    ['prepareDataset', 'Prepare data', 'prepareData', 'No version became the challenger.'],
    ['trainModel', 'Train and register', 'trainBestAndRegister', 'Trials that had finished are kept in MLflow.'],
    ['compareVersions', 'Promote', 'promote', 'Version 1 stays registered, and is not in Production.'],
  ] as const)(
    'of %s in a retrain is explained on its page, and on the page of the child',
    async (activity, title, stage, left) => {
      world.override[activity] = async () => {
        throw failure('StepFailed', 'It has [no](http://evil) convergence.');
      };
      const { handle, text } = await afterFailure('retrain', { trials: 1 });
      const id = workflowIds.stage(handle.workflowId, stage);
      expect(text).toContain(
        `Failed in "${title}", in the child workflow ${id}: It has \\[no\\](http://evil) convergence.`,
      );
      expect(text).toContain(left);
      expect(text).toContain(`"mediwatch logs ${id}" shows what the step wrote.`);
      expect(await details(child(handle, stage))).toMatch(/^\*\*What happened\.\*\* Failed in/);
      const { failure: told } = await handle.query<Progress>('progress');
      expect(told).toMatchObject({ type: 'StepFailed', cancelled: false, child: id });
    },
  );

  it('after the registry was changed says that it was put back', async () => {
    versions(0.68, 0.69);
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    const { handle, text } = await afterFailure('promote', { version: '2' });
    expect(text).toContain(
      `Failed in "Redeploy", in the child workflow ${handle.workflowId}/redeploy: It answered 500.`,
    );
    expect(text).toContain('The registry was put back as it was: version 1 is in Production.');
    expect(await details(child(handle, 'redeploy'))).toContain('Version 1 still serves, with all requests.');
  });

  it('to mark the version that a rollback left takes nothing back, and says what is missing', async () => {
    versions(0.68, 0.69);
    world.aliases.previous = '2';
    world.override.markRolledBack = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    const { text } = await afterFailure('rollback', { version: '2' });
    expect(text).toContain('Version 2 is in Production, and the API answers with it.');
    expect(text).toContain('the tag mediwatch.rolled_back of version 1');
    expect(world.serving?.version).toBe('2');
  });

  it('to put the registry back is reported as what it is', async () => {
    versions(0.68, 0.69);
    world.override.bringUpCandidate = async () => {
      throw failure('CandidateUnhealthy', 'It answered 500.');
    };
    world.override.restoreRegistry = async () => {
      throw failure('MlflowRefused', 'MLflow says no.');
    };
    const { text } = await afterFailure('promote', { version: '2' });
    expect(text).toContain('The registry could not be put back (MLflow says no.');
    expect(text).toContain('"mediwatch doctor \\--fix-aliases"');
  });

  it('of a check for drift says that no alert was raised', async () => {
    world.override.makeDriftReport = async () => {
      throw failure('PredictionLogNotFound', 'There is no log.');
    };
    const { text } = await afterFailure('driftCheck');
    expect(text).toContain('The steward got no alert');
  });

  it('that is a cancellation says what was ended, and that nothing is to be cleaned up', async () => {
    world.override.prepareDataset = async () => {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      await context.cancelled.finally(() => clearInterval(beat));
      return DATASET;
    };
    const handle = await bench.start('prepareData');
    await says(handle, 'running');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    const text = await details(handle);
    expect(text).toMatch(/^\*\*What happened\.\*\* It was cancelled during "Prepare data"\./);
    expect(text).toContain('Nothing has to be cleaned up.');
  });
});

describe('a refused input', () => {
  it.each(Object.keys(WORKFLOWS))('of %s is answered on its page', async (type) => {
    const { text } = await afterFailure(type, { registeredmodel: 'M' });
    expect(text).toContain(`${type} was not started`);
    expect(text).toContain('| `registeredmodel` | `"M"` | unknown field; did you mean "registeredModel"? |');
    expect(text).toContain('```json');
  });

  it('that is not JSON, and a decision that is none, say what works', async () => {
    versions(0.68, 0.69);
    const handle = await bench.start('promote', { version: '2', approval: true });
    await says(handle, '**Waiting for your decision**');
    const refused = await handle.executeUpdate(decidePromotion, { args: [{ desision: 1 } as never] }).catch((e) => e);
    expect(refused.cause.message).toContain('desision: unknown field; did you mean "decision"?');
    expect(refused.cause.message).toContain('One that works: {"decision":"approve","by":"your name","version":"2"}');
    await handle.terminate();
  });
});

/** Activities and timers of a history whose line for the UI is missing, and the lines of the others. */
async function summaries(workflowId: string): Promise<{ missing: string[]; lines: string[] }> {
  const { events } = await bench.client.workflow.getHandle(workflowId).fetchHistory();
  const scheduled = (events ?? []).filter(
    ({ activityTaskScheduledEventAttributes: activity, timerStartedEventAttributes: timer }) => activity || timer,
  );
  const nameOf = (event: (typeof scheduled)[number]) =>
    event.activityTaskScheduledEventAttributes?.activityType?.name ?? 'timer';
  return {
    missing: scheduled.filter(({ userMetadata }) => !userMetadata?.summary).map(nameOf),
    lines: scheduled.flatMap(({ userMetadata }) =>
      userMetadata?.summary ? [payloadConverter.fromPayload<string>(userMetadata.summary)] : [],
    ),
  };
}

describe('every activity and timer', () => {
  it('of a retrain, its stages and the lock says what it does', async () => {
    const handle = await bench.start('retrain', { trials: 2 });
    await handle.result();
    const stages = ['prepareData', 'hyperparameterSearch', 'trainBestAndRegister', 'promote'] as const;
    const ids = [handle.workflowId, ...stages.map((stage) => workflowIds.stage(handle.workflowId, stage))];
    const all = [...ids, `${handle.workflowId}/redeploy`, workflowIds.lock('MediWatchReadmit')];
    const found = await Promise.all(all.map(summaries));
    expect(found.flatMap(({ missing }) => missing)).toEqual([]);
    const lines = found.flatMap(({ lines }) => lines);
    expect(lines).toEqual(
      expect.arrayContaining(['trial 1: x 1', 'move version 1 to Production', 'all requests to version 1']),
    );
  });

  it('of a promotion with an approval, a smoke test and a canary says what it does', async () => {
    world = bench.world = createWorld({ MEDIWATCH_ROLLOUT_BAKE_SECONDS: '0.4', MEDIWATCH_ROLLOUT_SHARE: '0.25' });
    versions(0.68, 0.69);
    const handle = await bench.start('promote', {
      version: '2',
      approval: true,
      stagingFirst: true,
      strategy: 'canary',
    });
    await says(handle, '**Waiting for your decision**');
    await handle.executeUpdate(decidePromotion, { args: [{ decision: 'approve', by: 'ada' }] });
    await handle.result();
    const found = await Promise.all([handle.workflowId, `${handle.workflowId}/redeploy`].map(summaries));
    expect(found.flatMap(({ missing }) => missing)).toEqual([]);
    const lines = found.flatMap(({ lines }) => lines).join('\n');
    expect(lines).toContain('ask for the lock of MediWatchReadmit to promote');
    expect(lines).toContain('25 % of the requests to version 2');
    expect(lines).toContain('start a candidate of version 2 and verify it');
  });

  it('of a rollback, a check for drift, and a steward says what it does', async () => {
    world = bench.world = createWorld({ MEDIWATCH_SEARCH_TRIALS: '0' }, { told: true });
    versions(0.68, 0.69);
    await bench.run('promote', { version: '2' });
    const rollback = await bench.start('rollback', { reason: 'ward 7' });
    await rollback.result();
    world.override.makeDriftReport = async () => ({
      document: driftDocument({ datasetDrift: true }),
      htmlPath: null,
      jsonPath: null,
      url: 'http://mlflow/run',
    });
    const check = await bench.start('driftCheck');
    await check.result();
    expect(await details(check)).toContain('The steward of MediWatchReadmit has the alert');
    const steward = await bench.client.workflow.signalWithStart('driftSteward', {
      workflowId: workflowIds.steward('MediWatchReadmit'),
      taskQueue: 'mediwatch',
      args: [{}],
      signal: driftAlert,
      signalArgs: [{ reason: 'x' }],
    });
    await until(async () => (await steward.query<StewardState>(stewardQuery)).phase === 'cooling', {
      timeoutMs: 30_000,
      what: 'the steward to cool down',
    });
    const found = await Promise.all([rollback, check, steward].map(({ workflowId }) => summaries(workflowId)));
    expect(found.flatMap(({ missing }) => missing)).toEqual([]);
    await steward.cancel();
  });

  it('has a line that Temporal takes, however long its words are', async () => {
    world.override.proposeTrials = async ({ count }) =>
      Array.from({ length: count }, (_, index) => ({ x: index, note: '😀'.repeat(300) }));
    const result = await bench.run('hyperparameterSearch', { trials: 2 });
    expect(result).toMatchObject({ complete: 2 });
  });
});

it('signals, queries and updates are described', async () => {
  versions(0.68, 0.69);
  const handle = await bench.start('promote', { version: '2', approval: true });
  await says(handle, '**Waiting for your decision**');
  const { definition } = await metadata(handle);
  const ours = [definition.queryDefinitions, definition.signalDefinitions, definition.updateDefinitions]
    .flat()
    .filter(({ name }) => name && !name.startsWith('__'));
  expect(ours.map(({ name }) => name)).toEqual(expect.arrayContaining(['progress', 'decide']));
  expect(ours.filter(({ description }) => !description)).toEqual([]);
  await handle.terminate();
});
