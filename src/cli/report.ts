import type { Progress } from '../contracts/progress.ts';
import type { Cli } from './cli.ts';
import type { Ending } from './follow/ending.ts';
import type { Target } from './follow/target.ts';
import { writeLine } from './io.ts';
import { allLinks, type Link, temporalLink } from './links.ts';
import { resultLines } from './results.ts';
import { duration } from './views/format.ts';

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
  const links = allLinks(temporalLink(cli.config(), workflowId, runId), progress?.links ?? []);
  const seconds = (endedAt - startedAt) / 1000;
  cli.emit({ event: 'result', exitCode: cli.exitCode, workflow, workflowId, runId, seconds, ...ending, links });
  if (ending.state === 'completed') {
    cli.say();
    for (const line of resultLines(workflow, ending.result)) cli.say(line);
    cli.say(`Took ${duration(endedAt - startedAt)}.`);
    for (const line of linkLines(links)) cli.say(line);
    return;
  }
  const { stage, message } = ending.failure;
  const cancelled = ending.state === 'cancelled';
  const what = cancelled ? 'was cancelled' : `failed${stage && stage !== workflow ? ` in "${stage}"` : ''}`;
  const colour = cancelled ? 'yellow' : 'red';
  writeLine(cli.io.stderr);
  writeLine(cli.io.stderr, `${cli.style(colour, `${workflow} ${what}`)} after ${duration(endedAt - startedAt)}.`);
  if (!cancelled) writeLine(cli.io.stderr, message);
  if (progress?.problem && !message.includes(progress.problem)) writeLine(cli.io.stderr, progress.problem);
  for (const line of linkLines(links)) writeLine(cli.io.stderr, line);
}

/** Links in two columns. */
export function linkLines(links: readonly Link[]): string[] {
  const width = Math.max(...links.map(({ name }) => name.length));
  return links.map(({ name, url }) => `  ${name.padEnd(width)}  ${url}`);
}
