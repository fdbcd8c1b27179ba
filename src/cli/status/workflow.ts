import { type WorkflowExecutionInfo, WorkflowFailedError } from '@temporalio/client';
import type { Progress } from '../../contracts/progress.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/savedQueries.ts';
import { oneLine } from '../../contracts/text.ts';
import { WORKFLOWS } from '../../contracts/workflows.ts';
import { explainFailure } from '../../words/explain.ts';
import { allLinks, type NamedLink, temporalLink } from '../../words/links.ts';
import { duration } from '../../words/numbers.ts';
import type { Cli } from '../cli.ts';
import { type Failure, failureOf, logsOfFailure, stageOfFailure } from '../follow/ending.ts';
import { resultLines } from '../follow/follow.ts';
import { describe, statusText } from '../follow/target.ts';
import { askProgress } from '../follow/watch.ts';
import { type Session, withSession } from '../session.ts';
import { drawFrame } from '../views/live.ts';
import { linkLines } from '../views/text.ts';

export async function showWorkflow(cli: Cli, workflowId: string): Promise<void> {
  const state = await withSession(cli, (session) => workflowState(session, workflowId));
  cli.show(state, () => workflowLines(state, cli, Date.now()));
}

interface WorkflowState extends ExecutionState {
  /** Null when no worker is there to answer, or when its kind has no progress. */
  progress: Progress | null;
  result: unknown;
  failure: Failure | null;
  links: NamedLink[];
}

/**
 * Where one workflow stands, running or ended.
 *
 * @throws {CommandError} when there is none with this id
 */
async function workflowState(session: Session, workflowId: string): Promise<WorkflowState> {
  const description = await describe(session, workflowId);
  const execution = executionState(session, description);
  const [answer, outcome] = await Promise.all([
    askProgress(session, workflowId),
    execution.endedAt === null ? { result: null, failure: null } : outcomeOf(session, execution),
  ]);
  const progress = 'progress' in answer ? answer.progress : null;
  const page = temporalLink(session.config, workflowId);
  return { ...execution, progress, ...outcome, links: allLinks(page, progress?.links ?? []) };
}

async function outcomeOf({ client }: Session, { workflowId, workflow }: ExecutionState) {
  try {
    return { result: await client.workflow.getHandle(workflowId).result(), failure: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { result: null, failure: failureOf(error, workflow) };
  }
}

/** One workflow in lines for a reader. */
function workflowLines(state: WorkflowState, { style, prose }: Cli, now: number): string[] {
  const { workflowId, workflow, startedAt, endedAt, progress, failure, links, result } = state;
  const took = duration((endedAt ? Date.parse(endedAt) : now) - Date.parse(startedAt));
  const canvas = { columns: prose.columns ?? 100, now, tick: null, style };
  const silent = 'No worker tells its stages at present.';
  const stage = failure && stageOfFailure(failure, progress);
  return [
    `${style('bold', workflowId)}  ${state.state}, ${took}`,
    ...(progress ? drawFrame(progress, [], canvas) : [silent]),
    ...(failure ? ['', style('red', stage ? `In "${stage}": ${failure.message}` : failure.message)] : []),
    ...(failure ? logsOfFailure(failure, workflowId) : []),
    ...(progress?.failure ? [oneLine(explainFailure(progress, progress.failure).left)] : []),
    ...(result === null ? [] : ['', ...resultLines(workflow, result)]),
    '',
    ...linkLines(links),
  ];
}

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

type Execution = Pick<
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

/** What Temporal says of a workflow. */
function executionState(
  { config }: Session,
  { workflowId, runId, type, status, startTime, closeTime, typedSearchAttributes }: Execution,
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
