import type { Cli } from '../cli.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { isTerminal } from '../io.ts';
import { exitCodeOf } from '../outcome.ts';
import { reportEnding } from '../report.ts';
import type { Session } from '../session.ts';
import { jsonLineView } from '../views/jsonLines.ts';
import { lineView } from '../views/lines.ts';
import type { Ending } from './ending.ts';
import { describe, type Target } from './target.ts';
import { type View, watch } from './watch.ts';

/**
 * Follows a workflow to its end, tells what came of it, and sets the exit code.
 *
 * @param codeOf the exit code of an ending, for those to whom the usual one is another
 */
export async function follow(
  cli: Cli,
  session: Session,
  target: Target,
  codeOf: (ending: Ending) => ExitCode = exitCodeOf,
): Promise<void> {
  const watched = await watch(session, target, await viewFor(cli), cli.io.interrupted);
  const { ending, target: followed, progress } = watched;
  cli.exitCode = codeOf(ending);
  if (ending.state === 'left') tellLeft(cli, followed);
  else reportEnding(cli, { target: followed, ending, progress, endedAt: await endOf(session, followed) });
}

/** JSON lines for programs, a live view for terminals, plain lines for logs. */
async function viewFor({ io, json, prose, style }: Cli): Promise<View> {
  if (json) return jsonLineView(io.stdout);
  if (!isTerminal(prose, io.env)) return lineView(prose);
  const { liveView } = await import('../views/live.ts');
  return liveView(prose, style);
}

function tellLeft(cli: Cli, { workflow, workflowId, runId }: Target): void {
  cli.emit({ event: 'result', state: 'left', exitCode: EXIT.interrupted, workflow, workflowId, runId });
  cli.say();
  cli.say(`No longer following. The workflow goes on; "mediwatch follow ${workflowId}" shows it again,`);
  cli.say(`and "mediwatch cancel ${workflowId}" stops it.`);
}

/** When the workflow ended: now, as far as a reader sees, when Temporal does not tell. */
async function endOf(session: Session, { workflowId }: Target): Promise<number> {
  const { closeTime } = await describe(session, workflowId).catch(() => ({ closeTime: undefined }));
  return closeTime?.getTime() ?? Date.now();
}
