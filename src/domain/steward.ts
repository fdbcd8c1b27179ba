import type { StewardSettings } from '../contracts/options.ts';
import type { DriftAlert, RetrainEnding, Steering, StewardState } from '../contracts/steward.ts';
import { isSeen, remember, type SeenKeys } from './seenKeys.ts';

/**
 * What a steward knows. It is a value: each function returns the next one, and it is small enough to be carried through
 * continue-as-new, however many alerts there were. All times are Unix times (ms).
 */
export interface Steward {
  registeredModel: string;
  counted: number;
  duplicates: number;
  /** Keys of alerts, by the day on which they came. */
  keys: SeenKeys;
  /** Alerts that no retrain has answered; those that arrived since the retrain under way was decided are among them. */
  pending: Pending | null;
  /** By null: the steward itself, after too many failures, or as the settings no longer declare its model. */
  paused: { by: string | null; reason: string; at: number; undeclared?: true | undefined } | null;
  /** Somebody wants a retrain now, and it has not started. */
  asked: Steering | null;
  /** Why no alert starts a retrain before a time. */
  rest: { why: 'cooling' | 'backingOff'; until: number } | null;
  /** Retrain that somebody else started, whose end is waited for. */
  waitingFor: string | null;
  current: Retrain | null;
  retrains: number;
  /** Retrains that failed in a row. */
  failures: number;
  /** The latest that ended, newest first. */
  ended: Array<{ workflowId: string; endedAt: number; ending: RetrainEnding }>;
}

/** A retrain that a steward decided on. */
export interface Retrain {
  workflowId: string;
  /** When it was decided. */
  startedAt: number;
  /** The alerts that it answers; null: somebody asked for it and there were none. */
  alerts: Pending | null;
  asked: Steering | null;
  /** Whether Temporal has it; one that is not begun is started by whoever finds it here. */
  begun: boolean;
}

/** How a retrain ended. */
export interface Ending {
  ending: RetrainEnding;
  endedAt: number;
}

const FAILED: ReadonlySet<RetrainEnding['code']> = new Set(['failed', 'notStarted', 'gone']);

/** Whether a retrain failed. A person who cancels it or rejects its version has decided against it. */
export const hasFailed = ({ ending }: Ending): boolean => FAILED.has(ending.code);

const broughtToProduction = ({ ending }: Ending) => ending.code === 'promoted' && ending.registryStage === 'Production';

/** Start a retrain, or wait: for a signal, and at the most until a time if there is one. */
type Decision = { kind: 'start' } | { kind: 'wait'; until: number | null };

const ENDED_KEPT = 5;

export function createSteward(registeredModel: string): Steward {
  return {
    registeredModel,
    counted: 0,
    duplicates: 0,
    keys: {},
    pending: null,
    paused: null,
    asked: null,
    rest: null,
    waitingFor: null,
    current: null,
    retrains: 0,
    failures: 0,
    ended: [],
  };
}

/** Counts an alert, unless its key has been seen. */
export function alerted(steward: Steward, alert: DriftAlert, now: number): Steward {
  const { key } = alert;
  if (key !== undefined && isSeen(steward.keys, key, now)) return { ...steward, duplicates: steward.duplicates + 1 };
  return {
    ...steward,
    counted: steward.counted + 1,
    keys: key === undefined ? steward.keys : remember(steward.keys, key, now),
    pending: pend(steward.pending, alert, now),
  };
}

/** Alerts start no retrain from now on; one under way goes on. */
export function paused(steward: Steward, { by, reason }: Steering, now: number): Steward {
  return { ...steward, paused: { by, reason, at: now } };
}

/** The settings no longer declare the model: alerts are kept, and nobody can ask for a retrain. */
export function undeclared(steward: Steward, now: number): Steward {
  return { ...steward, paused: { by: null, reason: '', at: now, undeclared: true }, asked: null };
}

/** Ends a pause, and a back-off with it: whoever resumes has looked at what failed. A cooldown stays. */
export function resumed(steward: Steward): Steward {
  return { ...steward, paused: null, failures: 0, rest: steward.rest?.why === 'cooling' ? steward.rest : null };
}

/** Why no retrain can be asked for. */
export type StewardRefusal = { code: 'underWay'; workflowId: string } | { code: 'askedAlready'; by: string };

export function refusal({ current, asked }: Steward): StewardRefusal | null {
  if (current) return { code: 'underWay', workflowId: current.workflowId };
  return asked && { code: 'askedAlready', by: asked.by };
}

/** Somebody wants a retrain now, whatever a cooldown, a back-off or a pause says. */
export function asked(steward: Steward, by: Steering): Steward {
  return refusal(steward) === null ? { ...steward, asked: by } : steward;
}

export function waiting(steward: Steward, workflowId: string | null): Steward {
  return { ...steward, waitingFor: workflowId };
}

/** What is to be done now, when no retrain is under way. */
export function decide(steward: Steward, now: number): Decision {
  const until = restsUntil(steward, now);
  const mayStart = steward.pending !== null && steward.paused === null && until === null;
  if (steward.current === null && (steward.asked !== null || mayStart)) return { kind: 'start' };
  return { kind: 'wait', until };
}

/** Decides on a retrain, which answers every alert so far. */
export function started(steward: Steward, workflowId: string, now: number): Steward {
  if (steward.current) return steward;
  const { pending: alerts, asked } = steward;
  return {
    ...steward,
    current: { workflowId, startedAt: now, alerts, asked, begun: false },
    pending: null,
    asked: null,
    rest: null,
    retrains: steward.retrains + 1,
  };
}

/** Notes that Temporal has the retrain that was decided. */
export function begun(steward: Steward): Steward {
  return steward.current ? { ...steward, current: { ...steward.current, begun: true } } : steward;
}

/**
 * Takes down how the retrain under way ended.
 *
 * Alerts that came while it ran are answered too if it brought a version to Production after the last of them. Those of
 * a failed one are pending again, and too many failures in a row pause the steward. A person who decides against a
 * retrain has answered its alerts.
 */
export function ended(steward: Steward, ending: Ending, settings: StewardSettings): Steward {
  const { current } = steward;
  if (!current) return steward;
  const next = { ...noted(steward, current.workflowId, ending), current: null };
  if (hasFailed(ending)) return failed(next, current, ending, settings);
  return cooled({ ...answeredBy(next, ending), failures: 0 }, ending, settings);
}

/**
 * Takes down how a retrain ended that somebody else started. One that brought a version to Production answers the
 * alerts before it, as our own would.
 */
export function othersEnded(steward: Steward, workflowId: string, ending: Ending, settings: StewardSettings): Steward {
  const next = { ...steward, waitingFor: null };
  const answered = answeredBy(next, ending);
  if (steward.pending === null || answered.pending !== null) return next;
  return cooled(noted(answered, workflowId, ending), ending, settings);
}

/** What the steward tells of itself. */
export function stewardState(steward: Steward, now: number): StewardState {
  const { registeredModel, counted, duplicates, retrains, failures, paused, pending, current, ended } = steward;
  return {
    registeredModel,
    phase: phaseOf(steward, now),
    until: restsUntil(steward, now),
    paused,
    counted,
    duplicates,
    pending: pending && {
      count: pending.count,
      firstAt: pending.firstAt,
      lastAt: pending.lastAt,
      latest: pending.latest,
    },
    retrains,
    failures,
    current: current && {
      workflowId: current.workflowId,
      startedAt: current.startedAt,
      alerts: current.alerts?.count ?? 0,
    },
    last: ended[0] ?? null,
  };
}

function phaseOf(steward: Steward, now: number): StewardState['phase'] {
  if (steward.current) return 'retraining';
  if (steward.waitingFor !== null) return 'waiting';
  if (steward.paused) return 'paused';
  return restsUntil(steward, now) === null ? 'idle' : (steward.rest?.why ?? 'idle');
}

function restsUntil({ rest }: Steward, now: number): number | null {
  return rest && rest.until > now ? rest.until : null;
}

function noted(steward: Steward, workflowId: string, ended: Ending): Steward {
  const latest = [{ workflowId, ...ended }, ...steward.ended];
  return { ...steward, ended: latest.slice(0, ENDED_KEPT) };
}

/** A version in Production answers what arrived before; when one alert came later, all of them wait: none is lost. */
function answeredBy(steward: Steward, ending: Ending): Steward {
  const isAnswered =
    broughtToProduction(ending) && steward.pending !== null && steward.pending.lastAt <= ending.endedAt;
  return isAnswered ? { ...steward, pending: null } : steward;
}

function cooled(steward: Steward, { endedAt }: Ending, { cooldown }: StewardSettings): Steward {
  return { ...steward, rest: { why: 'cooling', until: endedAt + cooldown * 1000 } };
}

function failed(steward: Steward, { alerts }: Retrain, { endedAt }: Ending, settings: StewardSettings): Steward {
  const failures = steward.failures + 1;
  const seconds = Math.min(settings.backoff * 2 ** (failures - 1), settings.maxBackoff);
  const tooMany = failures >= settings.maxFailures && steward.paused === null;
  return {
    ...steward,
    failures,
    pending: merge(alerts, steward.pending),
    rest: { why: 'backingOff', until: endedAt + seconds * 1000 },
    paused: tooMany ? { by: null, reason: '', at: endedAt } : steward.paused,
  };
}

/** Alerts taken together: how many, when, and what the latest says. Times are Unix times (ms). */
export interface Pending {
  count: number;
  firstAt: number;
  lastAt: number;
  latest: DriftAlert;
  /** Report of the latest alert that names one. */
  report: string | null;
}

/** Takes an alert to those that are pending. */
function pend(pending: Pending | null, alert: DriftAlert, now: number): Pending {
  return {
    count: (pending?.count ?? 0) + 1,
    firstAt: pending?.firstAt ?? now,
    lastAt: now,
    latest: alert,
    report: alert.report ?? pending?.report ?? null,
  };
}

/** Takes older and newer alerts together. */
function merge(older: Pending | null, newer: Pending | null): Pending | null {
  if (!older || !newer) return older ?? newer;
  return {
    count: older.count + newer.count,
    firstAt: older.firstAt,
    lastAt: newer.lastAt,
    latest: newer.latest,
    report: newer.report ?? older.report,
  };
}
