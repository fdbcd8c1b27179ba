import { Context, log } from '@temporalio/activity';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import type { z } from 'zod';
import { type Given, resolvePlan } from '../config/resolvePlan.ts';
import type { Config } from '../config.ts';
import { failure, knownFailure } from '../contracts/errors.ts';
import { type Locked, type LockInput, type LockRequest, lockQueue, locksOf, requestLock } from '../contracts/lock.ts';
import { TASK_QUEUES, workflowIds } from '../contracts/names.ts';
import type { Delivery, Notification } from '../contracts/notifications.ts';
import { priorityOf } from '../contracts/priority.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/savedQueries.ts';
import type { DriftAlert, RetrainEnding } from '../contracts/steward.ts';
import { shorten, truncate } from '../contracts/text.ts';
import { DriftCheckResult, RetrainResult, type WorkflowName } from '../contracts/workflows.ts';
import type { EndedCheck } from '../domain/driftGate.ts';
import type { Ending } from '../domain/steward.ts';
import { raiseAlert, stewardStart } from '../systems/alerts.ts';
import type { Notifier } from '../systems/notifications/index.ts';
import { resetTo } from '../systems/resetTo.ts';
import { type Audit, NO_AUDIT } from './lib/audited.ts';
import { whileHeartbeating } from './lib/step.ts';

/** What is refused before it begins is written down. */
const CHANGES_PRODUCTION: readonly WorkflowName[] = ['retrain', 'promote', 'rollback', 'redeploy'];

interface Request {
  workflow: WorkflowName;
  input: Given;
}

/** Lays the input of a workflow over the settings of this worker. */
export function createPlanActivities({
  config,
  searchable,
  audit = NO_AUDIT,
  refresh = () => {},
}: {
  config: Config;
  searchable: () => Promise<boolean> | boolean;
  audit?: Audit;
  /** Reads a changed file into the settings. */
  refresh?: () => void;
}) {
  const resolve = async ({ workflow, input }: Request) => {
    refresh();
    const isSearchable = await searchable();
    try {
      return resolvePlan(config, workflow, input, isSearchable);
    } catch (error) {
      const { registeredModel = '', version = null, by = null } = input;
      if (CHANGES_PRODUCTION.includes(workflow) && error instanceof ApplicationFailure) {
        await audit({ event: 'refused', name: workflow, registeredModel, version, by, reason: error.message });
      }
      throw error;
    }
  };
  return { resolvePlan: resolve, resolveStewardPlan: resolve };
}

/** What the locks of models and gateways need from Temporal itself. */
export function createLockActivities({ client }: { client: Client }) {
  return {
    /**
     * Puts a request into the queue of the lock, and starts the lock when nobody held it.
     *
     * @returns the run that asked: a workflow that is reset later remembers it, and has another one itself
     */
    async askForLock({ registeredModel, request }: { registeredModel: string; request: LockRequest }) {
      const { holder, runId } = request;
      // A stage that outlived the reset of its parent asks for a run that is over, and would take the lock from the new one.
      if (holder.runId !== runId && !(await isRunning(client, holder))) {
        throw failure(
          'LockLost',
          `${holder.workflowId} has ended, or was reset, while one of its stages asked for the lock.`,
        );
      }
      const empty: LockInput = { registeredModel, queue: [] };
      await client.workflow.signalWithStart('modelLock', {
        workflowId: workflowIds.lock(registeredModel),
        taskQueue: TASK_QUEUES.orchestration,
        args: [empty],
        signal: requestLock,
        signalArgs: [request],
        priority: priorityOf('modelLock'),
        staticSummary: shorten(`Lock of ${registeredModel}: one change of production at a time`),
      });
      return { runId: request.runId };
    },

    /**
     * Whether a workflow that was granted the locks of a change has them still. One that asked in this very run has it; one that was reset,
     * or a stage of another workflow, may have lost it.
     *
     * @param request.askedBy the run that asked for the lock; null: the lock is always asked
     */
    async holdsLock(request: Locked & { token: string; askedBy: string | null }): Promise<boolean> {
      const { token, askedBy } = request;
      if (askedBy !== null && Context.current().info.workflowExecution?.runId === askedBy) return true;
      try {
        const held = locksOf(request, token).map(async (lock) => {
          const [holder] = await client.workflow.getHandle(workflowIds.lock(lock.name)).query(lockQueue);
          return holder?.token === lock.token;
        });
        return (await Promise.all(held)).every(Boolean);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },

    /**
     * Returns when the workflow run has ended in any way. One that is reset while it runs goes on as another run.
     *
     * @param request.runId null: the run that is the latest now
     */
    async awaitWorkflowEnd({ workflowId, runId }: { workflowId: string; runId: string | null }): Promise<void> {
      const first = runId ?? (await client.workflow.getHandle(workflowId).describe()).runId;
      for (let run: string | null = first; run; run = await resetTo(client, workflowId, run)) {
        await untilEnded(client, { workflowId, runId: run });
      }
    },
  };
}

async function isRunning(client: Client, { workflowId, runId }: LockRequest['holder']): Promise<boolean> {
  const { status } = await client.workflow.getHandle(workflowId, runId).describe();
  return status.name === 'RUNNING';
}

interface StartRetrain {
  workflowId: string;
  input: Record<string, unknown>;
  /** Shown in lists, such as "Retrain of MediWatchReadmit after 3 drift alerts". */
  summary: string;
  memo: { trigger: string; report: string | null; alerts: number };
}

/** What a steward needs from Temporal itself. */
export function createStewardActivities({
  client,
  searchable,
}: {
  client: Client;
  searchable: () => Promise<boolean> | boolean;
}) {
  return {
    /** Tells the steward of a model of an alert, and starts it when there is none. */
    async raiseAlert(told: { registeredModel: string; alert: z.input<typeof DriftAlert> }): Promise<string> {
      return await raiseAlert(client, told.registeredModel, told.alert);
    },

    /** Starts the steward of a model unless it runs. */
    async ensureSteward({ registeredModel }: { registeredModel: string }): Promise<string> {
      const start = { ...stewardStart(registeredModel), workflowIdConflictPolicy: 'USE_EXISTING' as const };
      await client.workflow.start('driftSteward', start);
      return start.workflowId;
    },

    /**
     * The retrain of a model that runs, whoever started it; null: none. One that was just started may be missed.
     * Where the namespace does not know our search attributes, none is found; the lock of the model still lets only one
     * change what is in Production.
     */
    async findRetrain({ registeredModel }: { registeredModel: string }): Promise<{ workflowId: string } | null> {
      if (!(await searchable())) return null;
      const query = `WorkflowType = "retrain" AND ExecutionStatus = "Running" AND ${isOf(registeredModel)}`;
      for await (const { workflowId, runId } of client.workflow.list({ query })) {
        // The list may still hold one that has ended.
        const { status } = await client.workflow.getHandle(workflowId, runId).describe();
        if (status.name === 'RUNNING') return { workflowId };
      }
      return null;
    },

    /**
     * How the latest drift checks of a model ended, the latest first. One that was terminated counts as failed, a cancelled
     * one not at all. None where the namespace does not know our attributes.
     */
    async earlierChecks({ registeredModel, count }: { registeredModel: string; count: number }): Promise<EndedCheck[]> {
      const ended: EndedCheck[] = [];
      if (!(await searchable())) return ended;
      const query = `WorkflowType = "driftCheck" AND ExecutionStatus != "Running" AND ExecutionStatus != "Canceled" AND ${isOf(registeredModel)}`;
      for await (const { workflowId, runId, status, closeTime } of client.workflow.list({ query })) {
        const result =
          status.name === 'COMPLETED' ? await client.workflow.getHandle(workflowId, runId).result() : undefined;
        const verdict = DriftCheckResult.safeParse(result).data?.verdict;
        const hasJudged = verdict === 'drift' || verdict === 'no drift';
        const outcome = hasJudged ? 'judged' : verdict === 'skipped' ? 'skipped' : 'failed';
        ended.push({ outcome, at: closeTime?.getTime() ?? 0 });
        if (ended.length === count) break;
      }
      return ended;
    },

    /** Starts a retrain. One of this id that runs, or has ended, is the one that an earlier attempt started. */
    async startRetrain({ workflowId, input, summary, memo }: StartRetrain): Promise<void> {
      try {
        await client.workflow.start('retrain', {
          workflowId,
          taskQueue: TASK_QUEUES.orchestration,
          args: [input],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
          staticSummary: summary,
          memo,
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    /** Returns how a retrain ended. A reset one goes on under its id, and is followed. */
    async awaitRetrain({ workflowId }: { workflowId: string }): Promise<Ending> {
      const handle = client.workflow.getHandle(workflowId);
      try {
        for (;;) {
          const { runId, status, closeTime } = await handle.describe();
          if (status.name !== 'RUNNING') return await endingOf(client, { workflowId, runId }, closeTime ?? new Date());
          await untilEnded(client, { workflowId, runId });
        }
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
        return { ending: { code: 'gone' }, endedAt: Date.now() };
      }
    },
  };
}

/** Part of a list filter: workflows of a model. */
const isOf = (registeredModel: string) =>
  `${SEARCH_ATTRIBUTES.model.name} = "${registeredModel.replaceAll(/["\\]/g, '\\$&')}"`;

async function endingOf(
  client: Client,
  { workflowId, runId }: { workflowId: string; runId: string },
  closeTime: Date,
): Promise<Ending> {
  const endedAt = closeTime.getTime();
  try {
    const result: unknown = await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    return { ending: completed(result), endedAt };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const cause = innermost(error);
    if (cause instanceof CancelledFailure) return { ending: { code: 'cancelled' }, endedAt };
    const rejected = cause instanceof ApplicationFailure && knownFailure(cause.type)?.isDecision;
    return { ending: { code: rejected ? 'rejected' : 'failed', message: truncate(cause.message, 500) }, endedAt };
  }
}

/** The failure itself, without the layers that Temporal puts around it. */
function innermost(error: Error): Error {
  return error.cause instanceof TemporalFailure ? innermost(error.cause) : error;
}

function completed(result: unknown): RetrainEnding {
  const { data } = RetrainResult.safeParse(result);
  if (!data) return { code: 'completed' };
  const { version, promotion } = data;
  if (!promotion) return { code: 'registered', version: version.version };
  const { registryStage, verdict } = promotion;
  return promotion.promoted
    ? { code: 'promoted', version: promotion.version, registryStage }
    : { code: 'notPromoted', version: version.version, verdict };
}

export function createNotificationActivities({ notifier }: { notifier: Pick<Notifier, 'send'> }) {
  return {
    /**
     * Tells people of something. A target that cannot be told fails nothing and is not tried again by Temporal, for the
     * others would be told twice: the result and the worker's log name it.
     */
    async notify(notification: Notification): Promise<Delivery[]> {
      const deliveries = await notifier.send(notification);
      for (const { target, outcome, detail } of deliveries) {
        if (outcome === 'failed') log.warn('A notification was not delivered', { target, detail });
      }
      return deliveries;
    },
  };
}

/** There may be hundreds of these watches, and nothing waits for the end of one that was called off. */
const WATCH_INTERVAL_MS = 20_000;

/** Returns when the workflow run has ended in any way; heartbeats meanwhile. */
async function untilEnded(client: Client, { workflowId, runId }: { workflowId: string; runId: string }) {
  await whileHeartbeating(
    async ({ signal }) => {
      const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
      await client
        .withAbortSignal(signal, () => handle.result())
        .catch((error: unknown) => {
          if (!(signal.aborted || isEnd(error))) throw error;
        });
    },
    { intervalMs: WATCH_INTERVAL_MS },
  );
  if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
}

function isEnd(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && ['WorkflowFailedError', 'WorkflowContinuedAsNewError'].includes(error.name);
}
