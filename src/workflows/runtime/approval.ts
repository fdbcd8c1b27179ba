import { condition, currentUpdateInfo, setHandler, uuid4, workflowInfo } from '@temporalio/workflow';
import { Decision, decidePromotion } from '../../contracts/approval.ts';
import { failure } from '../../contracts/errors.ts';
import type { PromotePlan } from '../../contracts/plans.ts';
import type { Promotion } from '../../contracts/registry.ts';
import { shorten, tooLarge } from '../../contracts/text.ts';
import { news } from '../../words/news.ts';
import { wrongFieldTexts } from '../../words/wrongFields.ts';
import { activities } from './activities.ts';
import { applicationFailure } from './failures.ts';
import { notify } from './notices.ts';
import type { Run } from './workflow.ts';

/**
 * Waits for a person's decision about a promotion. It holds no lock and no slot, so other runs go on meanwhile.
 *
 * @returns the approval
 * @throws ApplicationFailure of type ApprovalRejected when it is rejected, or nobody decided in time
 */
export async function awaitApproval(
  { report }: Run<unknown>,
  plan: PromotePlan,
  { registeredModel, version, verdict, reportUrl }: Promotion,
): Promise<Decision> {
  const { remindEvery, expireAfter } = plan.approval;
  let decision: Decision | undefined;
  let isOver = false;
  let isDeciding = false;
  const validateOpen = () => {
    if (decision) throw failure('MessageRefused', `${decision.by} has decided already (${decision.decision}).`);
    if (isOver) throw failure('MessageRefused', `The time to decide about version ${version} is over.`);
  };
  setHandler(
    decidePromotion,
    async (input) => {
      // One after the other: of two that are sent at once, the second learns who was first.
      await condition(() => !isDeciding);
      isDeciding = true;
      try {
        validateOpen();
        const wanted = Decision.parse(input);
        const updateId = currentUpdateInfo()?.id ?? uuid4();
        const request = { registeredModel, version, requester: plan.by, decision: wanted, updateId };
        await activities.admitDecision(request).catch((error: unknown) => {
          throw applicationFailure(error) ?? error;
        });
        validateOpen();
        decision = wanted;
        return { registeredModel, version, decision: wanted.decision };
      } finally {
        isDeciding = false;
      }
    },
    {
      validator: (input) => {
        validate(input, version);
        validateOpen();
      },
      description: `Approve or reject: {"decision": "approve", "by": "your name", "reason": "why", "version": "${version}"}`,
    },
  );

  const { workflowId } = workflowInfo();
  const until = Date.now() + expireAfter * 1000;
  try {
    for (let reminders = 0; !decision && Date.now() < until; reminders += 1) {
      const waiting = { for: 'decision', registeredModel, version, verdict, until, reminders } as const;
      report({ event: 'waits', waiting });
      // The decision is awaited whether or not the reminder is delivered.
      void notify(plan, news.approvalNeeded({ ...waiting, reportUrl, workflowId }));
      const patience = Math.min(remindEvery * 1000, until - Date.now());
      const summary = shorten(`a decision about version ${version} of ${registeredModel}, or the next reminder`);
      await condition(() => decision !== undefined, patience, { summary });
    }
    // One that came in time may still be looked at.
    await condition(() => !isDeciding);
  } finally {
    // The workflow lives on for a moment, cancelled or expired, and would confirm a decision that it no longer heeds.
    isOver = true;
    report({ event: 'waits', waiting: null });
  }
  if (!decision) await activities.audit({ event: 'expired', name: version, registeredModel, version });
  if (!decision) throw failure('ApprovalRejected', `Nobody decided about version ${version} in time.`);
  if (decision.decision === 'approve') return decision;
  throw failure('ApprovalRejected', `${decision.by} rejected version ${version}: ${decision.reason}`);
}

/** Refuses what is not a decision, is about another version, or rejects without a reason. */
function validate(input: unknown, version: string): void {
  const tooMuch = tooLarge(input);
  if (tooMuch !== null) throw failure('MessageRefused', `This is not a decision: ${tooMuch}.`);
  const parsed = Decision.safeParse(input);
  if (!parsed.success) {
    const wrong = wrongFieldTexts(parsed.error.issues.slice(0, 20), Decision, input);
    const example = JSON.stringify({ decision: 'approve', by: 'your name', version });
    throw failure('MessageRefused', `This is not a decision. ${wrong.join('; ')}. One that works: ${example}.`);
  }
  const { decision, reason, version: meant } = parsed.data;
  if (meant !== undefined && meant !== version) {
    throw failure('MessageRefused', `The decision is about version ${meant}, but version ${version} waits.`);
  }
  if (decision === 'reject' && reason.trim() === '') throw failure('MessageRefused', 'A rejection needs a reason.');
}
