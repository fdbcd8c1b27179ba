import type { Pending } from './alerts.ts';
import { type Retrain, type Steward, stewardState } from './steward.ts';

/** Writes what a steward is doing as the Markdown that the Temporal UI shows as its current details. */
export function stewardMarkdown(steward: Steward, now: number): string {
  const { counted, duplicates, pending, ended } = steward;
  const repeated = duplicates > 0 ? `, ${duplicates} more repeated one that was known` : '';
  const parts = [
    `**Drift alerts of ${steward.registeredModel}.** ${phaseText(steward, now)}`,
    `${count(counted, 'alert')} so far${repeated}. ${pendingText(pending)}`,
    ended.length > 0 && ['Latest retrains:', '', ...ended.map(endedLine)].join('\n'),
    HOW_TO,
  ];
  return parts.filter(Boolean).join('\n\n');
}

/** `3 drift alerts`: what a retrain is for, in a few words. */
export function occasion({ alerts, asked }: Pick<Retrain, 'alerts' | 'asked'>): string {
  const wanted = asked && `${asked.by} asked for it`;
  const alarmed = alerts && count(alerts.count, 'drift alert');
  return [wanted, alarmed].filter(Boolean).join(', ') || 'no alert';
}

/** `cooldown of MediWatchReadmit until 2026-01-31T02:00:00.000Z`: what a timer is for. */
export function restText({ registeredModel, rest }: Steward): string {
  const what = rest?.why === 'cooling' ? 'cooldown' : 'back-off';
  return rest ? `${what} of ${registeredModel} until ${time(rest.until)}` : `nothing to wait for`;
}

/** An empty input works everywhere: whoever is in a hurry types nothing. */
const HOW_TO = [
  'Signal `pause` with `{"by": "your name", "reason": "why"}` to start nothing; `resume` to go on; ' +
    '`driftAlert` with `{"reason": "what you saw"}` to raise an alert.',
  'Update `retrainNow` to retrain whatever a cooldown or a pause says. Every input may be left empty.',
].join('\n\n');

function phaseText(steward: Steward, now: number): string {
  const { current, paused, waitingFor } = steward;
  const { phase, until } = stewardState(steward, now);
  const pause = paused ? `Paused by ${paused.by} since ${time(paused.at)}${because(paused.reason)}. ` : '';
  switch (phase) {
    case 'retraining':
      return `${pause}Retrain ${current?.workflowId} is under way (${current ? occasion(current) : ''}).`;
    case 'waiting':
      return `${pause}Waiting for the end of ${waitingFor}, which somebody else started.`;
    case 'paused':
      return `${pause}Alerts are counted and kept, and start nothing until it is resumed.`;
    case 'cooling':
      return `Cooling down after a retrain until ${time(until)}; alerts wait until then.`;
    case 'backingOff':
      return `The last retrain failed, ${steward.failures} in a row. Waiting until ${time(until)} before the next.`;
    case 'idle':
      return 'Nothing to do: the next alert starts a retrain.';
  }
}

function pendingText(pending: Pending | null): string {
  if (!pending) return 'No alert is pending.';
  const { latest, firstAt } = pending;
  const link = pending.report ? ` Report: ${pending.report}` : '';
  return `${count(pending.count, 'alert')} pending since ${time(firstAt)}, the latest from ${latest.source}${because(latest.reason)}.${link}`;
}

function endedLine({ workflowId, endedAt, outcome }: Steward['ended'][number]): string {
  return `- ${time(endedAt)} ${workflowId}: ${outcome.replaceAll('\n', ' ')}`;
}

const because = (reason: string) => (reason.trim() ? `: ${reason.trim()}` : '');
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
const time = (ms: number | null) => (ms === null ? 'unknown' : new Date(ms).toISOString());
