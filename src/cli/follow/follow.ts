import { z } from 'zod';
import { knownFailure } from '../../contracts/errors.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';
import type { Progress } from '../../contracts/progress.ts';
import { Promotion } from '../../contracts/registry.ts';
import { type ResultOf, WORKFLOWS, type WorkflowName, WouldChange } from '../../contracts/workflows.ts';
import { allLinks, temporalLink } from '../../words/links.ts';
import { duration } from '../../words/numbers.ts';
import { remarkText, resultSentences } from '../../words/results.ts';
import { type Cli, isTerminal, writeLine } from '../cli.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type Session, withSession } from '../session.ts';
import { jsonLineView, lineView } from '../views/lines.ts';
import { liveView } from '../views/live.ts';
import { linkLines } from '../views/text.ts';
import { type Ending, type Failure, logsOfFailure, stageOfFailure } from './ending.ts';
import { describe, type Target, targetOf } from './target.ts';
import { type View, watch } from './watch.ts';

/** Follows the workflow of an id. */
export async function followById(cli: Cli, workflowId: string): Promise<void> {
  await withSession(cli, async (session) => {
    await follow(cli, session, targetOf(await describe(session, workflowId)));
  });
}

/**
 * Follows a workflow to its end, shows what came of it, and sets the exit code.
 *
 * @param codeOf exit code of an ending
 */
export async function follow(
  cli: Cli,
  session: Session,
  target: Target,
  codeOf: (ending: Ending) => ExitCode = exitCodeOf,
): Promise<void> {
  const watched = await watch(session, target, viewFor(cli), cli.io.interrupted);
  const { ending, target: followed, progress } = watched;
  cli.exitCode = codeOf(ending);
  if (ending.state === 'left') sayLeft(cli, followed);
  else reportEnding(cli, { target: followed, ending, progress, endedAt: await endOf(session, followed) });
}

/** JSON lines for programs, a live view for terminals, plain lines for logs. */
function viewFor({ io, json, prose, style }: Cli): View {
  if (json) return jsonLineView(io.stdout);
  return isTerminal(prose, io.env) ? liveView(prose, style) : lineView(prose);
}

function sayLeft(cli: Cli, { workflow, workflowId, runId }: Target): void {
  cli.emit({ event: 'result', state: 'left', exitCode: EXIT.interrupted, workflow, workflowId, runId });
  cli.say();
  cli.say(`No longer following. The workflow goes on; "mediwatch follow ${workflowId}" shows it again,`);
  cli.say(`and "mediwatch cancel ${workflowId}" stops it.`);
}

/** When the workflow ended: now, when Temporal does not answer. */
async function endOf(session: Session, { workflowId }: Target): Promise<number> {
  const { closeTime } = await describe(session, workflowId).catch(() => ({ closeTime: undefined }));
  return closeTime?.getTime() ?? Date.now();
}

interface Report {
  target: Target;
  ending: Exclude<Ending, { state: 'left' }>;
  progress: Progress | null;
  /** Unix time (ms). */
  endedAt: number;
}

/** How a workflow ended: what it made, how long it took, where to look; a failure goes to stderr. */
function reportEnding(cli: Cli, { target, ending, progress, endedAt }: Report): void {
  const { workflow, workflowId, runId, startedAt } = target;
  const links = allLinks(temporalLink(cli.config(), workflowId), progress?.links ?? []);
  const { exitCode } = cli;
  cli.emit({
    event: 'result',
    exitCode,
    workflow,
    workflowId,
    runId,
    seconds: (endedAt - startedAt) / 1000,
    ...ending,
    links,
  });
  const took = duration(endedAt - startedAt);
  const lines =
    ending.state === 'completed'
      ? [...resultLines(workflow, ending.result), `Took ${took}.`]
      : failureLines(cli, { target, ending, progress, took });
  // A cancellation that was asked for is what was wanted.
  const stream = exitCode === EXIT.done || ending.state === 'completed' ? cli.prose : cli.io.stderr;
  for (const line of ['', ...lines, ...linkLines(links)]) writeLine(stream, line);
}

interface NotCompleted extends Pick<Report, 'target' | 'progress'> {
  ending: Extract<Ending, { failure: Failure }>;
  took: string;
}

function failureLines({ style }: Cli, { target, ending, progress, took }: NotCompleted): string[] {
  const { failure } = ending;
  if (ending.state === 'cancelled') return [`${style('yellow', `${target.workflow} was cancelled`)} after ${took}.`];
  const stage = stageOfFailure(failure, progress);
  const where = stage && stage !== STAGE_TITLES[target.workflow as Stage] ? ` in "${stage}"` : '';
  const remarks = (progress?.remarks ?? []).map(remarkText);
  const what = `${style('red', `${target.workflow} failed${where}`)} after ${took}.`;
  return [what, failure.message, ...remarks, ...logsOfFailure(failure, target.workflowId)];
}

/** Results with a promotion, a retrain's and a promote's, or what a dry run of one found. */
const WithPromotion = z.object({ promotion: Promotion.nullable(), would: z.array(WouldChange).nullish() });

/** The exit code of a followed workflow. */
export function exitCodeOf(ending: Ending): ExitCode {
  if (ending.state === 'completed') {
    const { data } = WithPromotion.safeParse(ending.result);
    const wouldPromote = (data?.would?.length ?? 0) > 0;
    return data?.promotion?.promoted === false && !wouldPromote ? EXIT.notPromoted : EXIT.done;
  }
  if (ending.state === 'failed') return knownFailure(ending.failure.type)?.isDecision ? EXIT.notPromoted : EXIT.failed;
  return EXIT.interrupted;
}

/** What came of a workflow, a sentence a line; its plain JSON when it is not one of ours. */
export function resultLines(workflow: string, result: unknown): string[] {
  const name = Object.keys(WORKFLOWS).find((known): known is WorkflowName => known === workflow);
  const parsed = name && WORKFLOWS[name].result.safeParse(result);
  if (parsed?.success) return resultSentences(name as WorkflowName, parsed.data as ResultOf<WorkflowName>);
  return result === undefined || result === null ? [] : [`Result: ${JSON.stringify(result)}`];
}
