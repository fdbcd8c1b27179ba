import type { DriftColumn, DriftDocument, DriftGrounds, DriftVerdict } from '../contracts/drift.ts';
import type { DriftGate } from '../contracts/options.ts';
import type { DriftAlert } from '../contracts/steward.ts';
import { truncate } from '../contracts/text.ts';
import type { DriftFinding } from '../contracts/verdicts.ts';

/** With more of the newest rows left out than this, those that are left say nothing of the others. */
const MAX_LEFT_OUT = 0.2;

/**
 * Decides whether a report is drift. Any rule that holds makes it so. With too few rows in a window, or empty with a note
 * that says why, it is skipped, which is neither a pass nor a failure. A rule that the report cannot answer makes "cannot
 * tell", never "no drift", and so do too many rows that were left out.
 *
 * @param minRows rows that each window must have, where the report does not say what it was asked for
 */
export function judgeDrift(document: DriftDocument, gate: DriftGate, minRows: number): DriftVerdict {
  const judged = judgeRows(document, gate, minRows);
  const { leftOut = [], leftOutShare: share = 0 } = document;
  if (judged.verdict === 'drift' || share <= MAX_LEFT_OUT) return judged;
  const rows = leftOut.reduce((sum, one) => sum + one.rows, 0);
  return { ...judged, verdict: 'cannot tell', grounds: { code: 'leftOut', rows, share } };
}

function judgeRows(document: DriftDocument, gate: DriftGate, minRows: number): DriftVerdict {
  const short = shortWindow(document, document.minRows ?? minRows);
  if (short) return { verdict: 'skipped', grounds: short, columns: [] };
  const { note, share, datasetDrift } = document;
  if (note !== undefined && document.columns.length === 0 && share === null && datasetDrift === null)
    return { verdict: 'skipped', grounds: { code: 'note', note }, columns: [] };
  const columns = [...new Set(document.columns.filter(({ drifted }) => drifted).map(({ name }) => name))];
  const findings = applyRules(document, gate);
  const said = (drift: boolean | null) => findings.filter((finding) => finding.drift === drift);
  const decide = (verdict: DriftVerdict['verdict'], decisive: DriftFinding[]): DriftVerdict => ({
    verdict,
    grounds: { code: 'rules', findings: decisive },
    columns,
  });
  if (findings.length === 0) return { verdict: 'cannot tell', grounds: { code: 'noRule' }, columns };
  if (said(true).length > 0) return decide('drift', said(true));
  return said(null).length > 0 ? decide('cannot tell', said(null)) : decide('no drift', findings);
}

/** The window with too few rows; the reference only when the current one has enough. */
function shortWindow({ current, reference }: DriftDocument, minRows: number): DriftGrounds | undefined {
  const windows = { current, reference } as const;
  for (const window of ['current', 'reference'] as const) {
    const rows = windows[window]?.rows;
    if (rows !== undefined && rows < minRows) return { code: 'tooFewRows', window, rows, minRows };
  }
  return undefined;
}

function applyRules(document: DriftDocument, gate: DriftGate): DriftFinding[] {
  const { datasetDrift, share, shareThreshold, driftedColumns, columns } = document;
  const features = columns.filter(({ role }) => role === 'feature').length;
  const rules: Array<DriftFinding | false> = [
    gate.dataset && { rule: 'dataset', drift: datasetDrift, share, threshold: shareThreshold },
    gate.minColumns !== null && {
      rule: 'minColumns',
      drift: driftedColumns === null ? null : driftedColumns >= gate.minColumns,
      threshold: gate.minColumns,
      ...(driftedColumns !== null && { drifted: driftedColumns }),
      features,
    },
    gate.share !== null && {
      rule: 'share',
      drift: share === null ? null : share >= gate.share,
      share,
      threshold: gate.share,
    },
    ...gate.columns.map((column): DriftFinding => {
      return { rule: 'column', column, drift: anyOf(columns.filter(({ name }) => name === column)) };
    }),
    gate.prediction && roleRule(document, 'prediction'),
    gate.target && roleRule(document, 'target'),
  ];
  return rules.filter((finding) => finding !== false);
}

function roleRule({ columns }: DriftDocument, role: 'prediction' | 'target'): DriftFinding {
  const ofRole = columns.filter((column) => column.role === role);
  const drift = anyOf(ofRole);
  return { rule: role, drift, columns: ofRole.filter(({ drifted }) => drifted === drift).map(({ name }) => name) };
}

/** A column may be in a report more than once, by several methods: one result is enough, and no drift needs all. */
function anyOf(columns: readonly DriftColumn[]): boolean | null {
  if (columns.some(({ drifted }) => drifted)) return true;
  return columns.length === 0 || columns.some(({ drifted }) => drifted === null) ? null : false;
}

/** A drift check that has ended. */
export interface EndedCheck {
  outcome: 'judged' | 'skipped' | 'failed';
  /** Unix time (ms). */
  at: number;
}

/** So many checks in a row that judge nothing are news. */
export const SILENT_CHECKS = 3;

/**
 * Whether people are to be notified of a check that judged nothing: of one that failed, the first of its day (UTC); of
 * those that are skipped, the third in a row, and then the first of each month.
 *
 * @param earlier those before it, the latest first; only the last {@link SILENT_CHECKS} matter
 */
export function isNewsOfSilence({ outcome, at }: EndedCheck, earlier: readonly EndedCheck[]): boolean {
  if (outcome === 'failed') return !earlier.some((other) => other.outcome === 'failed' && day(other.at) === day(at));
  const judged = earlier.findIndex((other) => other.outcome === 'judged');
  const before = judged === -1 ? earlier.length : judged;
  const latest = earlier[0];
  const isFirstOfMonth = latest !== undefined && day(latest.at).slice(0, 7) !== day(at).slice(0, 7);
  return before === SILENT_CHECKS - 1 || (before >= SILENT_CHECKS && isFirstOfMonth);
}

/** `2026-01-31` */
const day = (time: number) => new Date(time).toISOString().slice(0, 10);

/** Longest texts that an alert carries (characters). */
const LIMIT = { key: 100, reason: 1_000 } as const;

/**
 * The alert of a report that a gate calls drift. Its key comes from what was compared, so that a report that is handed
 * in twice, by whichever way, is one alert.
 *
 * @param from who raises it, why, and where people find the report
 */
export function alertOf(
  { key, share }: DriftDocument,
  from: { source: string; reason: string; report?: string | undefined },
): DriftAlert {
  return {
    key: `report/${key}`.slice(0, LIMIT.key),
    reason: truncate(from.reason, LIMIT.reason),
    source: from.source,
    report: from.report ?? null,
    share,
  };
}
