import { createHash, randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Activities } from '../../../src/activities/index.ts';
import { TASK_QUEUES } from '../../../src/contracts/names.ts';
import { payloadConverter } from '../../../src/contracts/payloads.ts';
import { startTemporal } from '../../support/temporal.ts';
import { quiet, startWorkers } from '../../support/workers.ts';
import { createWorld, type World } from '../../support/world.ts';
import type { RawPayload } from './cases.ts';

type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
const { EventType, TimeoutType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** How a run ended, from its history. */
export interface Ending {
  kind: 'completed' | 'failed' | 'continued' | 'cancelled' | 'terminated' | 'timedOut';
  result?: unknown;
  /** Type and message of the failure, without the layers that Temporal puts around it. */
  failure?: { type: string; message: string };
}

export interface FuzzBench {
  client: Client;
  /** The world that a registered model lives in: one each, as a lock keeps only its own model's workflows apart. */
  worldOf(registeredModel: string, env?: Record<string, string>): World;
  /** Starts a workflow with these very payloads. */
  start(type: string, payloads: RawPayload[], workflowId?: string): Promise<string>;
  /** Awaits the end of a run, and reads the whole of its history meanwhile. */
  ending(workflowId: string): Promise<Ending>;
  /** What no history may hold, found in those that were read: "retrain-3: workflow task failed (…)". */
  readonly faults: string[];
  /** Reads the history of every run that nobody awaited, such as children, and ends the stewards. */
  readTheOthers(): Promise<number>;
  close(): Promise<void>;
}

/** Runs end soon: nobody decides on a promotion, and a canary proves itself in no time. */
const SHORT = {
  MEDIWATCH_APPROVAL_EXPIRE_AFTER: '0.5',
  MEDIWATCH_APPROVAL_REMIND_EVERY: '0.2',
  MEDIWATCH_ROLLOUT_BAKE_SECONDS: '0.04',
  MEDIWATCH_ROLLOUT_SHARE: '0.5',
};

/** The real bundle of workflows on a real server, with room for hundreds of runs at once. */
export async function createFuzzBench(): Promise<FuzzBench> {
  quiet();
  const server = await startTemporal();
  const worlds = new Map<string, World>();
  const worldOf: FuzzBench['worldOf'] = (registeredModel, env = {}) => {
    const world = worlds.get(registeredModel) ?? populated(worldWith(registeredModel, { ...SHORT, ...env }));
    worlds.set(registeredModel, world);
    return world;
  };
  const names = Object.keys(worldOf('').activities());
  const dispatch = Object.fromEntries(names.map((name) => [name, dispatched(name, worldOf)])) as Partial<Activities>;
  const workers = await startWorkers(server.address, dispatch, {
    maxCachedWorkflows: 1_000,
    // What waits its turn waits at the server: on a busy machine a hundred tasks that a worker has taken would time out.
    maxConcurrentWorkflowTaskExecutions: 16,
    workflowThreadPoolSize: 2,
    maxConcurrentActivityTaskExecutions: 2_000,
  });
  const { client } = workers;
  const reader = createReader(client);
  return {
    client,
    worldOf,
    async start(type, payloads, workflowId = `${type.slice(0, 50)}-${randomUUID()}`) {
      await client.workflowService.startWorkflowExecution({
        namespace: 'default',
        workflowId,
        requestId: randomUUID(),
        workflowType: { name: type },
        taskQueue: { name: TASK_QUEUES.orchestration },
        input: { payloads },
      });
      return workflowId;
    },
    ...reader,
    get faults() {
      return reader.faults;
    },
    async close() {
      await workers.stop();
      await server.stop();
    },
  };
}

function createReader(client: Client): Pick<FuzzBench, 'ending' | 'faults' | 'readTheOthers'> {
  const faults: string[] = [];
  const read = new Set<string>();

  /** The events of a run until it is closed, as they come. */
  async function follow(workflowId: string, runId: string): Promise<HistoryEvent> {
    let nextPageToken: Uint8Array | undefined;
    for (;;) {
      const page = await client.workflowService.getWorkflowExecutionHistory({
        namespace: 'default',
        execution: { workflowId, runId },
        waitNewEvent: true,
        ...(nextPageToken && { nextPageToken }),
      });
      const events = page.history?.events ?? [];
      faults.push(...events.flatMap((event) => faultOf(event)).map((fault) => `${workflowId}: ${fault}`));
      const last = events.at(-1);
      if (last && endingOf(last)) return last;
      // A fault is tried again forever: whoever waits for the end would wait, too.
      if (faults.some((fault) => fault.startsWith(`${workflowId}: `))) throw new Error(faults.at(-1));
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
    }
  }

  return {
    faults,
    async ending(workflowId) {
      let runId = '';
      for (;;) {
        read.add(workflowId);
        const last = await follow(workflowId, runId);
        const next = last.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
        if (!next) return endingOf(last) as Ending;
        runId = next;
      }
    },
    async readTheOthers() {
      let count = 0;
      for await (const { workflowId, runId, status, type } of client.workflow.list()) {
        if (read.has(workflowId)) continue;
        count += 1;
        const handle = client.workflow.getHandle(workflowId, runId);
        if (status.name === 'RUNNING' && type === 'driftSteward')
          await handle.terminate('the test is over').catch(() => undefined);
        const { events } = await handle.fetchHistory();
        faults.push(
          ...(events ?? []).flatMap((event) => faultOf(event)).map((fault) => `${type} ${workflowId}: ${fault}`),
        );
      }
      return count;
    },
  };
}

/** Nothing failed then: a workflow that was about to end looks at news first, or was terminated while a task ran. */
const HARMLESS: unknown[] = [
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
];

/** What must not be in a history, as text. */
function faultOf(event: HistoryEvent): string[] {
  const { workflowTaskFailedEventAttributes: failed, eventType } = event;
  if (failed) {
    const { cause, failure } = failed;
    if (HARMLESS.includes(cause)) return [];
    const name = WorkflowTaskFailedCause[cause ?? 0];
    return [`workflow task failed (${name}: ${failure?.message?.slice(0, 1_000)})`];
  }
  const timedOut = event.workflowTaskTimedOutEventAttributes;
  if (timedOut) {
    // Kept for the worker that knows the workflow, and given to any when that was busy for ten seconds: none has failed.
    if (timedOut.timeoutType === TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START) return [];
    return [`workflow task timed out (${TimeoutType[timedOut.timeoutType ?? 0]})`];
  }
  if (eventType === EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT) return ['run timed out'];
  const reason = event.workflowExecutionTerminatedEventAttributes?.reason;
  if (reason !== undefined && reason !== 'the test is over') return [`run terminated (${reason})`];
  return [];
}

function endingOf(event: HistoryEvent): Ending | null {
  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) {
    const [payload] = completed.result?.payloads ?? [];
    return { kind: 'completed', result: payload ? payloadConverter.fromPayload(payload) : undefined };
  }
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) {
    let failure = failed.failure;
    while (failure?.cause && !failure.applicationFailureInfo) failure = failure.cause;
    const { message, applicationFailureInfo } = failure ?? {};
    return { kind: 'failed', failure: { type: applicationFailureInfo?.type ?? '', message: message ?? '' } };
  }
  if (event.workflowExecutionContinuedAsNewEventAttributes) return { kind: 'continued' };
  if (event.workflowExecutionCanceledEventAttributes) return { kind: 'cancelled' };
  if (event.workflowExecutionTerminatedEventAttributes) return { kind: 'terminated' };
  if (event.workflowExecutionTimedOutEventAttributes) return { kind: 'timedOut' };
  return null;
}

type OfModel = { registeredModel?: string };

/** An activity of the world of the model that a call names. */
function dispatched(name: string, worldOf: (registeredModel: string) => World) {
  return async (input: OfModel | { input?: OfModel } | undefined) => {
    // resolvePlan gets the workflow's own input beside its type.
    const { registeredModel = '' }: OfModel =
      input && 'input' in input ? (input.input ?? {}) : ((input ?? {}) as OfModel);
    const activities = worldOf(registeredModel).activities();
    const activity = (activities as Record<string, (input: unknown) => Promise<unknown>>)[name];
    return await activity?.(input);
  };
}

const IMAGE = { reference: 'image@sha256:1', tag: 'latest', built: true, pushed: true, platforms: [], note: '' };

/** A world that declares the model, with a gateway of its own. */
function worldWith(registeredModel: string, env: Record<string, string>): World {
  return createWorld(env, { models: registeredModel === '' ? [] : [registeredModel] });
}

/** Three versions, the second of which serves. */
function populated(world: World): World {
  for (const [version, stage] of Object.entries({ 1: 'Staging', 2: 'Production', 3: 'None' })) {
    world.versions.push({ version, stage, tags: { key: `version-${version}` }, auc: 0.65 + Number(version) / 100 });
  }
  Object.assign(world.aliases, { champion: '2', previous: '1' });
  world.serving = { key: '2-serves', version: '2' };
  world.candidates.add('2-serves');
  const { override } = world;
  // As short as those of MLflow, whatever the workflow's id is.
  override.openRun = async ({ key }) => {
    const runId = createHash('md5').update(key).digest('hex');
    world.runs.set(runId, 'RUNNING');
    return { runId, url: 'http://mlflow/run' };
  };
  override.bakeImage = async () => ({ ...IMAGE, version: '2' }) as never;
  override.buildRuntimeImage = async () => IMAGE as never;
  return world;
}
