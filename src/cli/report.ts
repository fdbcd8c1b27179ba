import { STAGE_TITLES, type Stage } from '../contracts/names.ts';
import type { Progress } from '../contracts/progress.ts';
import { duration } from '../words/numbers.ts';
import { remarkText } from '../words/results.ts';
import type { Cli } from './cli.ts';
import { EXIT } from './exit.ts';
import { type Failure, logsOfFailure, stageOfFailure } from './failure.ts';
import type { Ending } from './follow/ending.ts';
import type { Target } from './follow/target.ts';
import { writeLine } from './io.ts';
import { allLinks, type Link, temporalLink } from './links.ts';
import { resultLines } from './results.ts';

interface Report {
  target: Target;
  ending: Exclude<Ending, { state: 'left' }>;
  progress: Progress | null;
  /** Unix time (ms). */
  endedAt: number;
}

/** Tells how a workflow ended: what it made, how long it took, where to look; a failure goes to stderr. */
export function reportEnding(cli: Cli, { target, ending, progress, endedAt }: Report): void {
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
  const logs = logsOfFailure(failure, target.workflowId);
  const what = `${style('red', `${target.workflow} failed${where}`)} after ${took}.`;
  return [what, failure.message, ...remarks, ...(logs ? [logs] : [])];
}

/** Links in two columns. */
export function linkLines(links: readonly Link[]): string[] {
  const width = Math.max(...links.map(({ name }) => name.length));
  return links.map(({ name, url }) => `  ${name.padEnd(width)}  ${url}`);
}
