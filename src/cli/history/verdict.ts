import type { WorkflowExecutionInfo } from '@temporalio/client';
import { z } from 'zod';
import { knownFailure } from '../../contracts/errors.ts';
import { STAGE_TITLES, starterOf, TAGS, workflowIds } from '../../contracts/names.ts';
import type { Progress } from '../../contracts/progress.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/savedQueries.ts';
import { parseJson } from '../../contracts/text.ts';
import { GateVerdict } from '../../contracts/verdicts.ts';
import type { Run } from '../../systems/mlflow/index.ts';
import { verdictText } from '../../words/verdicts.ts';
import type { Cli } from '../cli.ts';
import { CommandError } from '../exit.ts';
import { statusText } from '../follow/target.ts';
import { askProgress } from '../follow/watch.ts';
import { type Session, withSession } from '../session.ts';

/** What became of a retrain. */
export interface Verdict {
  /**
   * `registered`: no promotion was asked for. `lost`: it ended without closing its MLflow run, as one does that was
   * terminated.
   */
  kind: 'promoted' | 'notPromoted' | 'registered' | 'failed' | 'cancelled' | 'running' | 'waiting' | 'lost';
  /** Registry stage that its version was promoted to. */
  stage: 'Production' | 'Staging' | null;
  /** Why; of one that runs, the stage that it is in. */
  reason: string;
  /** What the promotion gate found; null: it was not asked. */
  gate: GateVerdict | null;
  /** Null: it did not fail. */
  failureType: string | null;
}

/** What came of a retrain, as its MLflow run keeps it. */
export function recordedVerdict({ status, tags }: Pick<Run, 'status' | 'tags'>): Verdict {
  if (status === 'KILLED') return verdict('cancelled');
  if (status === 'FAILED') return failed(tags);
  if (status !== 'FINISHED') return verdict('running');
  const gate = Recorded.safeParse(parseJson(tags[TAGS.verdict])).data ?? null;
  const stage = tags[TAGS.promoted];
  const promoted = stage === 'Production' || stage === 'Staging';
  const kind = promoted ? 'promoted' : gate ? 'notPromoted' : 'registered';
  return { ...verdict(kind, gate ? verdictText(gate, gate.forced) : ''), stage: promoted ? stage : null, gate };
}

const Recorded = GateVerdict.and(z.object({ forced: z.boolean().default(false) }));

/** Whether a run failed, and not because a person rejected its version. */
export function hasFailed({ status, tags }: Run): boolean {
  return status === 'FAILED' && failed(tags).kind === 'failed';
}

function failed(tags: Run['tags']): Verdict {
  const failureType = tags[TAGS.failureType] ?? null;
  const kind = knownFailure(failureType)?.isDecision ? 'notPromoted' : 'failed';
  return { ...verdict(kind, tags[TAGS.failure]), failureType };
}

export function verdict(kind: Verdict['kind'], reason = ''): Verdict {
  return { kind, stage: null, reason, gate: null, failureType: null };
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
 * @returns what became of retrains, by their ids; null when Temporal does not answer
 */
export async function askLive(
  cli: Cli,
  held: Promise<readonly string[]>,
): Promise<ReadonlyMap<string, Verdict> | null> {
  // The search itself reports that it failed.
  held.catch(() => undefined);
  try {
    return await withSession(cli, (session) => withinLimit(session, held), { connectLimitMs: CONNECT_LIMIT_MS });
  } catch (error) {
    if (error instanceof CommandError && !cli.io.interrupted.aborted) return null;
    throw error;
  }
}

async function withinLimit(session: Session, held: Promise<readonly string[]>): Promise<ReadonlyMap<string, Verdict>> {
  const { client } = session;
  const asked = client.withDeadline(Date.now() + CALL_LIMIT_MS, () => runningNow(session));
  const [running, ids] = await Promise.all([asked, held]);
  const missing = ids.filter((id) => !running.has(id)).slice(0, IDS);
  const [stages, ends] = await Promise.all([
    Promise.all([...running].map(async ([id, waits]) => [id, await standing(session, id, waits)] as const)),
    client.withDeadline(Date.now() + CALL_LIMIT_MS, () => endings(session, missing)),
  ]);
  return new Map([...ends, ...stages]);
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

/** How retrains ended that did not close their MLflow run. */
async function endings({ client }: Session, ids: readonly string[]): Promise<Map<string, Verdict>> {
  const ends = new Map(ids.map((id) => [id, verdict('lost', 'Temporal has forgotten it')]));
  if (ids.length === 0) return ends;
  const named = ids.map((id) => `'${id.replace(/[\\']/g, '\\$&')}'`);
  const newest = new Map<string, WorkflowExecutionInfo>();
  for await (const info of client.workflow.list({ query: `WorkflowId IN (${named.join(', ')})` })) {
    const other = newest.get(info.workflowId);
    if (!other || other.startTime < info.startTime) newest.set(info.workflowId, info);
  }
  for (const [id, info] of newest) {
    // One that has begun or ended this very moment is not lost.
    const moment = info.status.name === 'RUNNING' || info.status.name === 'COMPLETED';
    ends.set(id, moment ? verdict('running') : verdict('lost', statusText(info)));
  }
  return ends;
}
