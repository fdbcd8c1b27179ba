import { type Decision, decidePromotion } from '../../contracts/approval.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { temporalLink } from '../links.ts';
import { type Session, withSession } from '../session.ts';
import { sendUpdate } from '../update.ts';
import { confirm } from './confirm.ts';
import { questionOf } from './question.ts';

interface Wanted {
  /** Id of a promotion, or of the retrain that started it. */
  id: string;
  decision: Decision['decision'];
  by: string;
  reason: string;
  /** Without asking. */
  yes: boolean;
}

/**
 * Shows what is to be decided, asks for confirmation on a terminal, and sends the decision.
 *
 * @throws {CommandError} when nothing waits there, it was decided already or about another version, or nobody confirmed
 */
export async function decide(cli: Cli, { id, decision, by, reason, yes }: Wanted): Promise<void> {
  await withSession(cli, async (session) => {
    const { workflowId, version, text } = await questionOf(session, id);
    const { url } = temporalLink(session.config, workflowId);
    cli.say(`${workflowId} waits for ${text}`);
    cli.say(`  ${url}`);
    const verb = decision === 'approve' ? 'Approve' : 'Reject';
    if (!yes && !cli.json && !(await confirm(cli.io, `${verb} version ${version} as ${by}?`))) {
      throw new CommandError(EXIT.failed, 'Nothing was decided; it waits on.');
    }
    const answer = await send(session, workflowId, { decision, by, reason, version });
    cli.emit({ event: 'decided', decision, by, reason, version, workflowId, url });
    cli.say(answer);
    cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
  });
}

function send(session: Session, workflowId: string, decision: Decision): Promise<string> {
  const notTaken = (why: string) => `The decision was not taken: ${why}`;
  return sendUpdate(session, workflowId, decidePromotion, decision, {
    refused: notTaken,
    absent: notTaken(`${workflowId} ended meanwhile; "mediwatch status ${workflowId}" tells how.`),
    unanswered: (seconds) =>
      notTaken(`no worker took it within ${seconds} s; it may yet. See "mediwatch status ${workflowId}".`),
  });
}
