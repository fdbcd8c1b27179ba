import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import type { Caller } from '../contracts/audit.ts';
import { starterOf as starterIdOf } from '../contracts/names.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
interface Execution {
  workflowId: string;
  runId?: string;
}

/** Nothing waits longer to learn who called. */
const LIMIT_MS = 2_000;

/** Who started a workflow, or the one that it is a stage of; null: Temporal did not answer. */
export function starterOf(client: Client, own: Execution): Promise<Caller | null> {
  const root = starterIdOf(own.workflowId);
  const execution = root === own.workflowId ? own : { workflowId: root };
  return within(client, async () => {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution,
      maximumPageSize: 1,
    });
    const event = history?.events?.[0];
    return event ? callerOf(event, event.workflowExecutionStartedEventAttributes?.identity) : null;
  });
}

/** Who sent an update to a workflow, while that is handled; null: Temporal did not answer. */
export function senderOf(client: Client, execution: Execution, updateId: string): Promise<Caller | null> {
  return within(client, async () => {
    const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: client.options.namespace,
      execution,
      maximumPageSize: 100,
    });
    for (const event of history?.events ?? []) {
      const meta = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.meta;
      if (meta?.updateId === updateId) return callerOf(event, meta.identity);
    }
    return null;
  });
}

function callerOf({ principal }: HistoryEvent, identity: string | null | undefined): Caller {
  const { type, name } = principal ?? {};
  return { identity: identity || null, principal: name ? { type: type ?? '', name } : null };
}

function within<Result>(client: Client, body: () => Promise<Result>): Promise<Result | null> {
  return client.withDeadline(Date.now() + LIMIT_MS, body).catch(() => null);
}
