import type { DriftAlert } from '../contracts/steward.ts';

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
export function pend(pending: Pending | null, alert: DriftAlert, now: number): Pending {
  return {
    count: (pending?.count ?? 0) + 1,
    firstAt: pending?.firstAt ?? now,
    lastAt: now,
    latest: alert,
    report: alert.report ?? pending?.report ?? null,
  };
}

/** Takes older and newer alerts together. */
export function merge(older: Pending | null, newer: Pending | null): Pending | null {
  if (!older || !newer) return older ?? newer;
  return {
    count: older.count + newer.count,
    firstAt: older.firstAt,
    lastAt: newer.lastAt,
    latest: newer.latest,
    report: newer.report ?? older.report,
  };
}

const KEYS_KEPT = 5_000;

/** Keeps a key among the newest. */
export function remember(keys: string[], key: string): string[] {
  return keys.length < KEYS_KEPT ? [...keys, key] : [...keys.slice(1 - KEYS_KEPT), key];
}

/** A character takes three bytes at the most, and Temporal refuses a payload of two megabytes. */
const CHARACTERS_CARRIED = 600_000;

/** The newest keys that fit a payload: all of them, unless they are long ones of characters that JSON must escape. */
export function carriedKeys(keys: string[]): string[] {
  let room = CHARACTERS_CARRIED;
  const tooOld = keys.findLastIndex((key) => {
    room -= JSON.stringify(key).length + 1;
    return room < 0;
  });
  return tooOld < 0 ? keys : keys.slice(tooOld + 1);
}
