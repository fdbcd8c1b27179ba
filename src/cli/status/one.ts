import type { WorkflowFailedError } from '@temporalio/client';
import type { Progress } from '../../contracts/progress.ts';
import { explainFailure as explain } from '../../words/explain.ts';
import { duration } from '../../words/numbers.ts';
import type { Cli } from '../cli.ts';
import { explainFailure, type Failure, logsOfFailure, stageOfFailure } from '../failure.ts';
import { askProgress } from '../follow/ask.ts';
import { describe } from '../follow/target.ts';
import { allLinks, type Link, temporalLink } from '../links.ts';
import { linkLines } from '../report.ts';
import { resultLines } from '../results.ts';
import type { Session } from '../session.ts';
import { oneLine } from '../views/format.ts';
import { drawFrame } from '../views/frame.ts';
import { type ExecutionState, executionState } from './executions.ts';

export interface OneState extends ExecutionState {
  /** Null when no worker is there to tell, or when the workflow is of a kind that does not. */
  progress: Progress | null;
  result: unknown;
  failure: Failure | null;
  links: Link[];
}

/**
 * Where one workflow stands, running or ended.
 *
 * @throws {CommandError} when there is none with this id
 */
export async function oneState(session: Session, workflowId: string): Promise<OneState> {
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
  const { WorkflowFailedError } = await import('@temporalio/client');
  try {
    return { result: await client.workflow.getHandle(workflowId).result(), failure: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { result: null, failure: explainFailure(error as WorkflowFailedError, workflow) };
  }
}

/** One workflow in lines for a reader. */
export function oneLines(state: OneState, { style, prose }: Cli, now: number): string[] {
  const { workflowId, workflow, startedAt, endedAt, progress, failure, links, result } = state;
  const took = duration((endedAt ? Date.parse(endedAt) : now) - Date.parse(startedAt));
  const canvas = { columns: prose.columns ?? 100, now, tick: null, style };
  const silent = 'No worker tells its stages at present.';
  const stage = failure && stageOfFailure(failure, progress);
  const logs = failure && logsOfFailure(failure, workflowId);
  return [
    `${style('bold', workflowId)}  ${state.state}, ${took}`,
    ...(progress ? drawFrame(progress, [], canvas) : [silent]),
    ...(failure ? ['', style('red', stage ? `In "${stage}": ${failure.message}` : failure.message)] : []),
    ...(logs ? [logs] : []),
    ...(progress?.failure ? [oneLine(explain(progress, progress.failure).left)] : []),
    ...(result === null ? [] : ['', ...resultLines(workflow, result)]),
    '',
    ...linkLines(links),
  ];
}
