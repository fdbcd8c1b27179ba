import type { LockRequest } from '../contracts/lock.ts';
import { code, fitted, plain, table } from './markdown.ts';
import { utcSecond } from './time.ts';

/** Writes who holds a lock, and who waits for it, as the Markdown that the Temporal UI shows as its current details. */
export function lockMarkdown(registeredModel: string, queue: readonly LockRequest[]): string {
  const [holder, ...others] = queue;
  return fitted([
    `**The lock of ${plain(registeredModel)}.** Only one workflow at a time changes what is in Production.`,
    holder
      ? holderText(holder)
      : 'Free: nobody holds it. It ends by itself, and the next that wants it starts it again.',
    holder && (others.length > 0 ? `Waiting, in order of arrival: ${others.length}.` : 'Nobody else waits for it.'),
    others.length > 0 && table(['', 'workflow', 'wants to', 'asked at (UTC)'], others.slice(0, SHOWN).map(row)),
    others.length > SHOWN && `And ${others.length - SHOWN} more.`,
    'Nothing has to be done here: the next gets the lock as soon as the holder gives it back or has ended in whatever ' +
      'way. To stop a holder, cancel that workflow, not this one; cancelling this one does nothing.',
  ]);
}

/** Others are counted. */
const SHOWN = 30;

function holderText({ holder, heldSince, ...request }: LockRequest): string {
  const since = heldSince === undefined ? '' : `, since ${utcSecond(heldSince)} UTC`;
  return `**Held by** ${code(holder.workflowId)} to ${purposeText(request)}${since}.`;
}

function row({ holder, askedAt, ...request }: LockRequest, index: number): string[] {
  return [
    String(index + 1),
    code(holder.workflowId),
    purposeText(request),
    askedAt === undefined ? '' : utcSecond(askedAt),
  ];
}

const VERBS = { promote: 'promote', rollback: 'roll back to', redeploy: 'redeploy' } as const;

/** `promote version 3`: what the lock is wanted for. */
export function purposeText({ purpose, version }: Pick<LockRequest, 'purpose' | 'version'>): string {
  const fallback = { promote: 'the newest version', rollback: 'the version before', redeploy: 'the API' }[purpose];
  return `${VERBS[purpose]} ${version === null ? fallback : `version ${version}`}`;
}
