import { type Decided, type Decision, decidePromotion } from '../../contracts/approval.ts';
import { utcMinute } from '../../words/numbers.ts';
import { verdictText } from '../../words/verdicts.ts';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { temporalLink } from '../links.ts';
import { linkLines } from '../report.ts';
import { type Session, withSession } from '../session.ts';
import { sendUpdate } from '../update.ts';
import { questionOf } from './question.ts';

interface Wanted {
  /** Id of a promotion, or of the retrain that started it. */
  id: string;
  decision: Decision['decision'];
  by: string;
  reason: string;
  /** Stays until the workflow of this id has ended. */
  follow: boolean;
  /** Without asking. */
  yes: boolean;
  /** Only tells what would be decided. */
  dryRun: boolean;
}

/**
 * Shows what is to be decided, asks for confirmation on a terminal, and sends the decision.
 *
 * @throws {CommandError} when nothing waits there, it was decided already or about another version, or nobody confirmed
 */
export async function decide(cli: Cli, { id, decision, by, reason, follow, yes, dryRun }: Wanted): Promise<void> {
  await withSession(cli, async (session) => {
    const question = await questionOf(session, id);
    const { workflowId, report } = question;
    const { registeredModel, version, verdict, until } = question.decision;
    const evidence = verdictText(verdict);
    const page = temporalLink(session.config, workflowId);
    const { url } = page;
    cli.say(
      `${workflowId} waits for a decision about version ${version} of ${registeredModel}, until ${utcMinute(until)}.`,
    );
    cli.say(evidence);
    for (const line of linkLines([page, ...(report ? [{ name: 'Model report', url: report }] : [])])) cli.say(line);
    const verb = decision === 'approve' ? 'Approve' : 'Reject';
    if (dryRun) {
      cli.emit({
        event: 'decided',
        dryRun,
        decision,
        by,
        reason,
        version,
        registeredModel,
        verdict,
        evidence,
        report,
        workflowId,
        url,
      });
      cli.say(`Dry run, nothing was decided. Version ${version} would be ${PAST[decision]} as ${by}.`);
      return;
    }
    await confirm(cli, {
      text: `${verb} version ${version} as ${by}?`,
      declined: 'Nothing was decided; it waits on.',
      yes,
    });
    const answer = await send(session, workflowId, { decision, by, reason, version });
    cli.emit({ event: 'decided', decision, by, reason, version, workflowId, url });
    cli.say(`Version ${answer.version} of ${answer.registeredModel}: ${PAST[answer.decision]}.`);
    if (follow) {
      const [{ follow: followIt }, { describe, targetOf }] = await Promise.all([
        import('../follow/follow.ts'),
        import('../follow/target.ts'),
      ]);
      await followIt(cli, session, targetOf(await describe(session, id)));
    } else {
      cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
    }
  });
}

const PAST = { approve: 'approved', reject: 'rejected' } as const;

function send(session: Session, workflowId: string, decision: Decision): Promise<Decided> {
  const notTaken = (why: string) => `The decision was not taken: ${why}`;
  return sendUpdate(session, workflowId, decidePromotion, decision, {
    refused: notTaken,
    absent: notTaken(`${workflowId} ended meanwhile; "mediwatch status ${workflowId}" tells how.`),
    unanswered: (seconds) =>
      notTaken(`no worker took it within ${seconds} s; it may yet. See "mediwatch status ${workflowId}".`),
  });
}
