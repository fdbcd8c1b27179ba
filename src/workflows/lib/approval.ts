import { condition, setHandler, workflowInfo } from '@temporalio/workflow';
import { Decision, decidePromotion } from '../../contracts/approval.ts';
import { failure } from '../../contracts/errors.ts';
import type { Plan } from '../../contracts/plan.ts';
import { tooLarge } from '../../contracts/size.ts';
import { shorten } from '../../words/markdown.ts';
import { news } from '../../words/news.ts';
import { wrongInWords } from '../../words/wrongFields.ts';
import type { Board } from './board.ts';
import { tell } from './notify.ts';

interface Question {
  registeredModel: string;
  version: string;
  /** What the decision can rest on, in words. */
  reason: string;
  /** Page about the version, if one is known. */
  reportUrl?: string | null | undefined;
}

/**
 * Waits for a person's decision about a promotion. It holds no lock and no slot, so other runs go on meanwhile.
 *
 * @returns the approval
 * @throws ApplicationFailure of type ApprovalRejected when it is rejected, or nobody decided in time
 */
export async function awaitApproval(board: Board, plan: Plan, question: Question): Promise<Decision> {
  const { registeredModel, version, reason: evidence } = question;
  const { remindEverySeconds, expireAfterSeconds } = plan.approval;
  let decision: Decision | undefined;
  let isOver = false;
  setHandler(
    decidePromotion,
    (input) => {
      decision = Decision.parse(input);
      return `Version ${version} of ${registeredModel}: ${decision.decision === 'approve' ? 'approved' : 'rejected'}.`;
    },
    {
      validator: (input) => {
        validate(input, version, decision);
        if (isOver) throw failure('MessageRefused', `The time to decide about version ${version} is over.`);
      },
      description: `Approve or reject: {"decision": "approve", "by": "your name", "reason": "why", "version": "${version}"}`,
    },
  );

  const { workflowId } = workflowInfo();
  let reminders = 0;
  const deadline = Date.now() + expireAfterSeconds * 1000;
  try {
    while (!decision && Date.now() < deadline) {
      const reminded = reminders > 0 ? ` Reminder ${reminders}.` : '';
      board.ask(
        { registeredModel, version, evidence, until: deadline },
        `a decision about version ${version} of ${registeredModel}, until ${new Date(deadline).toISOString()}. ${evidence} ` +
          `Type "mediwatch approve ${workflowId}" or "mediwatch reject ${workflowId}", or send it the update ` +
          `"decide".${reminded}`,
      );
      // At each reminder again; the decision is waited for all the same.
      void tell(plan, news.approvalNeeded(question, workflowId, deadline));
      const patience = Math.min(remindEverySeconds * 1000, deadline - Date.now());
      const summary = shorten(`a decision about version ${version} of ${registeredModel}, or the next reminder`);
      await condition(() => decision !== undefined, patience, { summary });
      reminders += 1;
    }
  } finally {
    // The workflow lives on for a moment, be it cancelled or expired, and would confirm a decision that it no longer heeds.
    isOver = true;
    board.ask(null);
  }
  if (!decision) throw failure('ApprovalRejected', `Nobody decided about version ${version} in time.`);
  if (decision.decision === 'approve') return decision;
  throw failure('ApprovalRejected', `${decision.by} rejected version ${version}: ${decision.reason}`);
}

/** Refuses what is not a decision, comes second, is about another version, or rejects without a reason. */
function validate(input: unknown, version: string, decided: Decision | undefined): void {
  const tooMuch = tooLarge(input);
  if (tooMuch !== null) throw failure('MessageRefused', `This is not a decision: ${tooMuch}.`);
  const parsed = Decision.safeParse(input);
  if (!parsed.success) {
    const wrong = wrongInWords(parsed.error.issues.slice(0, 20), Decision, input);
    const example = JSON.stringify({ decision: 'approve', by: 'your name', version });
    throw failure('MessageRefused', `This is not a decision. ${wrong.join('; ')}. One that works: ${example}.`);
  }
  const { decision, reason, version: meant } = parsed.data;
  if (decided) throw failure('MessageRefused', `${decided.by} has decided already (${decided.decision}).`);
  if (meant !== undefined && meant !== version) {
    throw failure('MessageRefused', `The decision is about version ${meant}, but version ${version} waits.`);
  }
  if (decision === 'reject' && reason.trim() === '') throw failure('MessageRefused', 'A rejection needs a reason.');
}
