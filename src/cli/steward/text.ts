import type { StewardState } from '../../contracts/steward.ts';
import { duration, utcMinute } from '../../words/numbers.ts';
import { endingText } from '../../words/results.ts';
import { pauseReason } from '../../words/stewardDetails.ts';
import type { StewardAnswer } from './ask.ts';

/** What a steward does, in a line: for the status and the head of its own command. */
export function stewardLine({ exists, state }: StewardAnswer, now: number): string {
  if (exists === 'none') return 'no alert has come yet; the first one starts it';
  if (exists === 'ended') return 'was stopped; the next alert starts it anew';
  if (!state) return 'runs, but no worker answers: start one with "npm run worker"';
  const { pending } = state;
  const waiting = pending ? `; ${alerts(pending.count)} pending` : '';
  return `${phaseText(state, now)}${waiting}`;
}

/** All that a steward tells, in lines for a reader. */
export function stewardLines(answer: StewardAnswer, now: number): string[] {
  const { state } = answer;
  const head = stewardLine(answer, now);
  if (!state) return [head];
  const { counted, duplicates, retrains, failures, pending, last, paused, phase } = state;
  return [
    head,
    `  Alerts      ${counted} received, ${duplicates} more that were known already`,
    ...(pending
      ? [
          `  Pending     ${alerts(pending.count)} since ${utcMinute(pending.firstAt)}; the latest: ${pendingText(pending)}`,
        ]
      : []),
    `  Retrains    ${retrains} started${failures > 0 ? `; the last ${failures} failed` : ''}`,
    ...(last ? [`  Last        ${last.workflowId}, ${utcMinute(last.endedAt)}: ${endingText(last.ending)}`] : []),
    ...(paused && phase !== 'paused' ? [`  Paused      by ${paused.by ?? 'itself'}${because(pauseText(state))}`] : []),
  ];
}

function phaseText(state: StewardState, now: number): string {
  const { phase, until, paused, current } = state;
  const left = until === null ? '' : `, for ${duration(until - now)} more`;
  switch (phase) {
    case 'idle':
      return 'idle: the next alert starts a retrain';
    case 'waiting':
      return 'waits for the end of a retrain that somebody else started';
    case 'retraining':
      return `retrains${current ? ` for ${alerts(current.alerts)}: ${current.workflowId}` : ''}`;
    case 'cooling':
      return `cools down after a retrain${left}`;
    case 'backingOff':
      return `waits after a failed retrain${left}`;
    case 'paused':
      return `paused by ${paused?.by ?? 'itself'}${because(pauseText(state))}; "mediwatch steward resume" goes on`;
  }
}

const pauseText = ({ paused, failures, last }: StewardState) =>
  pauseReason({ paused, failures, ended: last ? [last] : [] });

function pendingText({ latest }: NonNullable<StewardState['pending']>): string {
  return `${latest.reason || 'no reason given'} (${latest.source})${latest.report ? ` ${latest.report}` : ''}`;
}

function alerts(count: number): string {
  return `${count} alert${count === 1 ? '' : 's'}`;
}

function because(reason: string): string {
  return reason.trim() ? `: ${reason.trim()}` : '';
}
