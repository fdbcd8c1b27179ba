import type { WorkflowExecutionInfo } from '@temporalio/client';
import { STAGE_TITLES, starterOf, workflowIds } from '../../../contracts/names.ts';
import type { Progress } from '../../../contracts/progress.ts';
import { SEARCH_ATTRIBUTES } from '../../../contracts/savedQueries.ts';
import type { Cli } from '../../cli.ts';
import { statusText } from '../../executionStatus.ts';
import { CommandError } from '../../exit.ts';
import { askProgress } from '../../follow/ask.ts';
import { type Session, withSession } from '../../session.ts';
import { type Verdict, verdict } from './verdict.ts';

/** What Temporal tells of the retrains that MLflow holds for running, and of those that run again after a reset. */
export interface Live {
  /** What is to be said of a retrain, by its id. */
  verdicts: ReadonlyMap<string, Verdict>;
}

/** The history comes from MLflow; Temporal adds to it if it answers soon (ms). */
const CONNECT_LIMIT_MS = 1_500;
const CALL_LIMIT_MS = 3_000;
const QUESTION_LIMIT_MS = 1_500;
/** Ids that one list filter names. */
const IDS = 50;

/**
 * Asks Temporal which retrains run, where they stand, and how those ended that never closed their MLflow run.
 *
 * @param held ids of the retrains that MLflow holds for running
 * @returns null when Temporal does not answer
 */
export async function askLive(cli: Cli, held: Promise<readonly string[]>): Promise<Live | null> {
  // Whoever waits for it sees that it failed.
  held.catch(() => undefined);
  try {
    return await withSession(cli, (session) => withinLimit(session, held), { connectLimitMs: CONNECT_LIMIT_MS });
  } catch (error) {
    if (error instanceof CommandError && !cli.io.interrupted.aborted) return null;
    throw error;
  }
}

async function withinLimit(session: Session, held: Promise<readonly string[]>): Promise<Live> {
  const { client } = session;
  const asked = client.withDeadline(Date.now() + CALL_LIMIT_MS, () => runningNow(session));
  const [running, ids] = await Promise.all([asked, held]);
  const missing = ids.filter((id) => !running.has(id)).slice(0, IDS);
  const [stages, ends] = await Promise.all([
    Promise.all([...running].map(async ([id, waits]) => [id, await standing(session, id, waits)] as const)),
    client.withDeadline(Date.now() + CALL_LIMIT_MS, () => endings(session, missing)),
  ]);
  return { verdicts: new Map([...ends, ...stages]) };
}

/** The retrains that run, by id, and whether a person is asked. */
async function runningNow({ client }: Session): Promise<Map<string, boolean>> {
  const query = "ExecutionStatus = 'Running' AND (WorkflowType = 'retrain' OR WorkflowType = 'promote')";
  const retrains = new Map<string, boolean>();
  const asking: string[] = [];
  for await (const info of client.workflow.list({ query })) {
    const waits = info.typedSearchAttributes.get(SEARCH_ATTRIBUTES.waiting) === 'approval';
    if (info.type === 'retrain') retrains.set(info.workflowId, waits);
    else if (waits) asking.push(info.workflowId);
  }
  for (const id of asking) {
    const starter = starterOf(id);
    if (retrains.has(starter) && workflowIds.stage(starter, 'promote') === id) retrains.set(starter, true);
  }
  return retrains;
}

async function standing(session: Session, workflowId: string, waits: boolean): Promise<Verdict> {
  const answer = await askProgress(session, workflowId, QUESTION_LIMIT_MS);
  const progress = 'progress' in answer ? answer.progress : null;
  if (waits || progress?.waiting?.for === 'decision') return verdict('waiting', 'approval');
  return verdict('running', progress ? stageOf(progress) : '');
}

function stageOf({ stages }: Progress): string {
  const running = stages.find(({ state }) => state === 'running');
  return running ? STAGE_TITLES[running.name] : '';
}

/** How retrains ended that did not tell MLflow. */
async function endings({ client }: Session, ids: readonly string[]): Promise<Map<string, Verdict>> {
  const told = new Map(ids.map((id) => [id, verdict('lost', 'Temporal has forgotten it')]));
  if (ids.length === 0) return told;
  const named = ids.map((id) => `'${id.replace(/[\\']/g, '\\$&')}'`);
  const newest = new Map<string, WorkflowExecutionInfo>();
  for await (const info of client.workflow.list({ query: `WorkflowId IN (${named.join(', ')})` })) {
    const other = newest.get(info.workflowId);
    if (!other || other.startTime < info.startTime) newest.set(info.workflowId, info);
  }
  for (const [id, info] of newest) {
    // One that has begun or ended this very moment is not lost.
    const moment = info.status.name === 'RUNNING' || info.status.name === 'COMPLETED';
    told.set(id, moment ? verdict('running') : verdict('lost', statusText(info)));
  }
  return told;
}
