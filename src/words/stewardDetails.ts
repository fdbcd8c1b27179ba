import type { News } from '../contracts/notifications.ts';
import {
  type Ending,
  type Pending,
  type Retrain,
  type Steward,
  type StewardRefusal,
  stewardState,
} from '../domain/steward.ts';
import { pageOf } from './links.ts';
import { code, fitted, link, plain, table } from './markdown.ts';
import { counted, utcMinute, utcSecond } from './numbers.ts';
import { endingText } from './results.ts';

/**
 * Writes what a steward is doing as the Markdown that the Temporal UI shows as its current details.
 *
 * @param temporalUi where pages of workflows are; null: not known yet
 */
export function stewardMarkdown(steward: Steward, now: number, temporalUi: string | null): string {
  const { duplicates, pending, ended, registeredModel } = steward;
  const repeated = duplicates > 0 ? `, ${duplicates} ${duplicates === 1 ? 'repeat' : 'repeats'} of a known alert` : '';
  const title = registeredModel ? `**Drift alerts of ${plain(registeredModel)}.**` : '**Drift alerts.**';
  return fitted([
    `${title} ${phaseText(steward, now, temporalUi)}`,
    `${counted(steward.counted, 'alert')} so far${repeated}. ${pendingText(pending)}`,
    ended.length > 0 &&
      table(
        ['ended (UTC)', 'retrain', 'what came of it'],
        ended.map(({ workflowId, endedAt, ending }) => [
          utcSecond(endedAt),
          workflowText(workflowId, temporalUi),
          plain(endingText(ending)),
        ]),
      ),
    ...HOW_TO,
  ]);
}

/** `3 drift alerts`: what a retrain is for, in a few words. */
export function occasion({ alerts, asked }: Pick<Retrain, 'alerts' | 'asked'>): string {
  const wanted = asked && `${asked.by} asked for it`;
  const alarmed = alerts && counted(alerts.count, 'drift alert');
  return [wanted, alarmed].filter(Boolean).join(', ') || 'no alert';
}

/** `cooldown of MediWatchReadmit until 2026-01-31T02:00:00.000Z`: what a timer is for. */
export function restText({ registeredModel, rest }: Steward): string {
  const what = rest?.why === 'cooling' ? 'cooldown' : 'back-off';
  return rest ? `${what} of ${registeredModel} until ${time(rest.until)}` : `nothing to wait for`;
}

/** An empty input works everywhere: whoever is in a hurry types nothing. */
const HOW_TO = [
  '**To steer it**, choose "Send a Signal" or "Send an Update" in the menu at the top right. Every input may be left empty.',
  table(
    ['to', 'send', 'with'],
    [
      ['start nothing for now', `signal ${code('pause')}`, code('{"by": "your name", "reason": "why"}')],
      ['go on', `signal ${code('resume')}`, code('{"by": "your name"}')],
      ['raise an alert', `signal ${code('driftAlert')}`, code('{"reason": "what you saw"}')],
      [
        'retrain now, whatever a cooldown or a pause says',
        `update ${code('retrainNow')}`,
        code('{"by": "your name", "reason": "why"}'),
      ],
    ],
  ),
  `The command does it too: ${code('mediwatch steward pause')}, ${code('mediwatch steward resume')}, ${code('mediwatch steward retrain-now')}.`,
];

function phaseText(steward: Steward, now: number, temporalUi: string | null): string {
  const { current, paused, waitingFor } = steward;
  const { phase, until } = stewardState(steward, now);
  const by = plain(paused?.by ?? 'the steward itself');
  const pause = paused ? `Paused by ${by} since ${time(paused.at)}${because(pauseReason(steward))}. ` : '';
  switch (phase) {
    case 'retraining':
      return `${pause}Retrain ${workflowText(current?.workflowId ?? '', temporalUi)} is under way (${current ? plain(occasion(current)) : ''}).`;
    case 'waiting':
      return `${pause}Waiting for the end of ${workflowText(waitingFor ?? '', temporalUi)}, which somebody else started.`;
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

function workflowText(workflowId: string, temporalUi: string | null): string {
  return temporalUi === null ? code(workflowId) : link(workflowId, pageOf(temporalUi, workflowId));
}

function pendingText(pending: Pending | null): string {
  if (!pending) return 'No alert is pending.';
  const { latest, firstAt, report } = pending;
  const about = report ? ` ${link('Drift report', report)}.` : '';
  return `${counted(pending.count, 'alert')} pending since ${time(firstAt)}, the latest from ${plain(latest.source)}${because(latest.reason)}.${about}`;
}

const because = (reason: string) => (reason.trim() ? `: ${plain(reason)}` : '');
const time = (ms: number | null) => (ms === null ? 'unknown' : utcMinute(ms));

/** Why no retrain can be asked for now. */
export function stewardRefusalText(refusal: StewardRefusal): string {
  return refusal.code === 'underWay'
    ? `${refusal.workflowId} is under way: a retrain can be asked for when it has ended.`
    : `${refusal.by} has asked for a retrain already; it starts as soon as it can.`;
}

/**
 * The page of a steward that has ended.
 *
 * @param failure why it failed; null: it was cancelled
 */
export function farewellMarkdown({ current, pending }: Steward, failure: string | null): string {
  const ended = failure === null ? 'The steward was cancelled.' : `The steward failed: ${plain(failure)}`;
  const retrain = current ? ` Retrain ${code(current.workflowId)} goes on without it.` : '';
  const alerts = pending ? ` Alerts that no retrain has answered: ${pending.count}.` : '';
  return fitted([
    `${ended}${retrain}${alerts}`,
    'The next alert starts it again, with nothing remembered. To pause one instead, send it the signal `pause`.',
  ]);
}

/** The page of a steward under an id of its own, which hands its alerts to the steward of the model. */
export const handedOverMarkdown = (registeredModel: string, workflowId: string): string =>
  fitted([`There is one steward of ${plain(registeredModel)}: it runs as ${code(workflowId)}. This one did no more.`]);

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
  return [backsOff, pausedNotice(after, links)];
}

/** What people are notified of when a steward pauses itself. */
export function pausedNotice(steward: Steward, links: News['links'] = []): News {
  return {
    event: 'stewardPaused',
    severity: 'critical',
    title: `The drift steward of ${steward.registeredModel} has paused itself`,
    text: `${pauseReason(steward)}\n\nAlerts are kept, and start nothing until somebody types: mediwatch steward resume`,
    links,
  };
}

/** Why a steward is paused: in a person's words, as its model left the settings, or after too many failures. */
export function pauseReason({ paused, failures, ended }: Pick<Steward, 'paused' | 'failures' | 'ended'>): string {
  if (!paused) return '';
  if (paused.by !== null) return paused.reason;
  if (paused.undeclared) return 'mediwatch.yaml no longer declares its model; declare it again, then resume';
  const last = ended[0] ? `, the last one with: ${endingText(ended[0].ending)}` : '';
  return `${failures} retrains failed in a row${last}`;
}
