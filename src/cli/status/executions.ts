import type { WorkflowExecutionInfo } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../contracts/savedQueries.ts';
import { WORKFLOWS } from '../../contracts/workflows.ts';
import { statusText } from '../executionStatus.ts';
import { temporalLink } from '../links.ts';
import type { Session } from '../session.ts';

export interface ExecutionState {
  workflowId: string;
  runId: string;
  workflow: string;
  /** Temporal's status in lower case, such as `running` or `timed out`. */
  state: string;
  /** `approval` while a person is asked, `lock` while another workflow changes Production; null: for neither. */
  waiting: string | null;
  /** ISO 8601. */
  startedAt: string;
  /** ISO 8601; null while it runs. */
  endedAt: string | null;
  url: string;
}

type Told = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'runId' | 'type' | 'status' | 'startTime' | 'typedSearchAttributes'
> & {
  closeTime?: Date | undefined;
};

const RECENT = 5;
/** Children are listed too and passed over; a search of this many finds enough of the others. */
const LOOKED_AT = 200;

/** The workflows that people started: those that run, and the last that ended, the newest first. */
export async function listExecutions(
  session: Session,
  most = RECENT,
): Promise<{ running: ExecutionState[]; recent: ExecutionState[] }> {
  const types = Object.keys(WORKFLOWS).map((name) => `'${name}'`);
  const query = `WorkflowType IN (${types.join(', ')})`;
  const running: ExecutionState[] = [];
  const recent: ExecutionState[] = [];
  let looked = 0;
  for await (const info of session.client.workflow.list({ query, pageSize: LOOKED_AT })) {
    if (++looked > LOOKED_AT) break;
    // A continued run is a part of the one that it continued as.
    if (info.parentExecution || info.status.name === 'CONTINUED_AS_NEW') continue;
    const execution = executionState(session, info);
    if (execution.endedAt === null) running.push(execution);
    else recent.push(execution);
  }
  const newestFirst = (a: ExecutionState, b: ExecutionState) => b.startedAt.localeCompare(a.startedAt);
  return { running: running.sort(newestFirst), recent: recent.sort(newestFirst).slice(0, most) };
}

/** What Temporal tells of a workflow. */
export function executionState(
  { config }: Session,
  { workflowId, runId, type, status, startTime, closeTime, typedSearchAttributes }: Told,
): ExecutionState {
  return {
    workflowId,
    runId,
    workflow: type,
    state: statusText({ status }),
    waiting: typedSearchAttributes.get(SEARCH_ATTRIBUTES.waiting) || null,
    startedAt: startTime.toISOString(),
    endedAt: closeTime?.toISOString() ?? null,
    url: temporalLink(config, workflowId, runId).url,
  };
}
