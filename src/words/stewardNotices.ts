import type { News } from '../contracts/notifications.ts';
import type { Ending, Steward } from '../domain/steward.ts';
import { pageOf } from './links.ts';
import { endingText } from './results.ts';

/** What people are notified of when a retrain of a steward failed: that it backs off, and that it pauses if it does. */
export function stewardNotices(before: Steward, after: Steward, { ending }: Ending, temporalUi: string): News[] {
  const { registeredModel, failures, rest, paused } = after;
  const links = [{ name: 'Retrain', url: pageOf(temporalUi, before.current?.workflowId ?? '') }];
  const next = rest ? ` The next is not started before ${new Date(rest.until).toISOString()}.` : '';
  const backsOff: News = {
    event: 'retrainFailed',
    severity: 'warning',
    title: `The drift steward of ${registeredModel} backs off: its retrain failed`,
    text: `${endingText(ending)}\n\nRetrains that failed in a row: ${failures}.${next}`,
    links,
  };
  if (before.paused !== null || paused?.by !== null) return [backsOff];
  const pauses: News = {
    event: 'stewardPaused',
    severity: 'critical',
    title: `The drift steward of ${registeredModel} has paused itself`,
    text: `${pauseReason(after)}\n\nAlerts are kept, and start nothing until somebody types: mediwatch steward resume`,
    links,
  };
  return [backsOff, pauses];
}

/** Why a steward is paused: in a person's words, or after too many failures. */
export function pauseReason({ paused, failures, ended }: Pick<Steward, 'paused' | 'failures' | 'ended'>): string {
  if (!paused) return '';
  if (paused.by !== null) return paused.reason;
  const last = ended[0] ? `, the last one with: ${endingText(ended[0].ending)}` : '';
  return `${failures} retrains failed in a row${last}`;
}
