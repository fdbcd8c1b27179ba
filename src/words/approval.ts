import type { DecisionRefusal } from '../domain/approval.ts';

/** Why a decision does not count, for the person who sent it. */
export function decisionRefusalText(refusal: DecisionRefusal): string {
  switch (refusal.code) {
    case 'notApprover':
      return `${refusal.by} is none of the approvers (approval.approvers in mediwatch.yaml).`;
    case 'unsigned':
      return `A decision of ${refusal.by} needs a signature, which the Temporal UI cannot make: use "mediwatch approve" or "reject" with --key.`;
    case 'badSignature':
      return `The signature is not that of ${refusal.by}: neither the key nor what was signed may differ.`;
    case 'stale':
      return `The decision was signed at ${refusal.at}, more than ${refusal.minutes} minutes from now.`;
    case 'isRequester':
      return `${refusal.requester} asked for this promotion, so somebody else has to approve it (approval.notRequester).`;
    case 'requesterUnknown':
      return 'Nobody said who asked for this promotion, so nobody can be known to be somebody else: start it again with "by".';
  }
}
