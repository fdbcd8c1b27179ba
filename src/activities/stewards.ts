import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import type { z } from 'zod';
import { truncate } from '../contracts/errors.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/searchAttributes.ts';
import type { DriftAlert, RetrainEnding } from '../contracts/steward.ts';
import { RetrainResult } from '../contracts/workflows.ts';
import type { Ending } from '../domain/steward.ts';
import { raiseAlert, stewardStart } from '../systems/alerts.ts';
import { untilEnded } from './lib/workflowEnd.ts';

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
      const model = `${SEARCH_ATTRIBUTES.model.name} = "${registeredModel.replaceAll(/["\\]/g, '\\$&')}"`;
      const query = `WorkflowType = "retrain" AND ExecutionStatus = "Running" AND ${model}`;
      for await (const { workflowId, runId } of client.workflow.list({ query })) {
        // The list may still hold one that has ended.
        const { status } = await client.workflow.getHandle(workflowId, runId).describe();
        if (status.name === 'RUNNING') return { workflowId };
      }
      return null;
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
    const rejected = cause instanceof ApplicationFailure && cause.type === 'ApprovalRejected';
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
