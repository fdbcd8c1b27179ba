import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { AuditEvent, AuditMark } from '../../contracts/audit.ts';
import type { AuditLog } from '../../systems/audit.ts';
import { starterOf } from '../../systems/callers.ts';

/** What an activity says of an event; the rest is known from where it runs. */
export interface Audited extends Pick<AuditEvent, 'event' | 'registeredModel' | 'version'> {
  /** Tells events of one workflow run apart, and is the same when the activity is tried again. */
  name: string;
  at?: string;
  replaced?: string | null;
  by?: string | null;
  signed?: boolean;
  reason?: string | null;
  decider?: AuditEvent['decider'];
}

/** Writes an event of the workflow that calls; never fails. */
export type Audit = (event: Audited) => Promise<AuditMark | null>;

export const NO_AUDIT: Audit = async () => null;

export function createAudit(log: AuditLog, client: Client): Audit {
  return async ({ name, ...event }) => {
    const { workflowId, runId } = Context.current().info.workflowExecution ?? { workflowId: 'unknown', runId: '' };
    return await log.append({
      key: `${workflowId}/${runId} ${event.event} ${name}`,
      at: new Date().toISOString(),
      replaced: null,
      by: null,
      signed: false,
      reason: null,
      decider: null,
      ...event,
      workflowId,
      runId,
      starter: await starterOf(client, { workflowId, runId }),
    });
  };
}
