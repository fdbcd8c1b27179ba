import type { Decision } from '../contracts/approval.ts';
import type { Caller } from '../contracts/audit.ts';
import type { ApprovalSettings } from '../contracts/options.ts';

/** Why a decision does not count. */
export type DecisionRefusal =
  | { code: 'notApprover' | 'unsigned' | 'badSignature'; by: string }
  | { code: 'stale'; at: string; minutes: number }
  | { code: 'isRequester'; by: string; requester: string }
  | { code: 'requesterUnknown' };

interface Case {
  settings: Pick<ApprovalSettings, 'approvers' | 'notRequester'>;
  decision: Decision;
  /** Whether the signature is that of the approver's key; null: the approver has none. */
  isSignature: boolean | null;
  /** Who asked for the promotion, as claimed; null: nobody said. */
  requester: string | null;
  starter: Caller | null;
  decider: Caller | null;
  /** Unix time (ms). */
  now: number;
}

/** How far the time of a signed decision may be from now: what was signed once is not sent again later. */
const TOLERANCE_MINUTES = 15;

/** Whether the settings say who may approve: an input cannot leave the approval out then. */
export const isClosed = ({ approvers, notRequester }: Case['settings']): boolean =>
  notRequester || Object.keys(approvers).length > 0;

/** Why a decision does not count; null: it does. */
export function judgeDecision({ settings, decision, isSignature, ...facts }: Case): DecisionRefusal | null {
  const { approvers, notRequester } = settings;
  const { by, at, signature } = decision;
  if (Object.keys(approvers).length > 0 && !Object.hasOwn(approvers, by)) return { code: 'notApprover', by };
  if (isSignature !== null) {
    if (signature === undefined || at === undefined) return { code: 'unsigned', by };
    if (!isSignature) return { code: 'badSignature', by };
    if (Math.abs(facts.now - Date.parse(at)) > TOLERANCE_MINUTES * 60_000) {
      return { code: 'stale', at, minutes: TOLERANCE_MINUTES };
    }
  }
  return notRequester && decision.decision === 'approve' ? ofRequester(by, facts) : null;
}

function ofRequester(
  by: string,
  { requester, starter, decider }: Pick<Case, 'requester' | 'starter' | 'decider'>,
): DecisionRefusal | null {
  const [one, other] = [starter?.principal, decider?.principal];
  if (one && other && one.type === other.type && one.name === other.name) {
    return { code: 'isRequester', by, requester: one.name };
  }
  if (requester === null) return { code: 'requesterUnknown' };
  return folded(by) === folded(requester) ? { code: 'isRequester', by, requester } : null;
}

const folded = (name: string) => name.normalize('NFKC').trim().toLowerCase();
