import type { DriftColumn, DriftDocument, DriftGate, DriftVerdict } from '../contracts/drift.ts';

/** The section `driftGate` of the settings, where an absent rule is left out, as a gate. */
export function gateOf(settings: GateSettings): DriftGate {
  return { ...settings, minColumns: settings.minColumns ?? null, share: settings.share ?? null };
}

type GateSettings = Omit<DriftGate, 'minColumns' | 'share'> & {
  minColumns?: number | undefined;
  share?: number | undefined;
};

/** What one rule of the gate says: true or false with its reason, or why it cannot be judged. */
interface Finding {
  drift: boolean | null;
  reason: string;
}

/**
 * Decides whether a report is drift. Any rule that holds makes it so. With too few rows in a window it is skipped, which
 * is neither a pass nor a failure. A rule that the report cannot answer makes "cannot tell", never "no drift".
 *
 * @param minRows rows that each window must have; what the report was asked for, if it says that
 */
export function judgeDrift(document: DriftDocument, gate: DriftGate, minRows: number): DriftVerdict {
  const short = tooShort(document, document.minRows ?? minRows);
  if (short) return { verdict: 'skipped', reason: `skipped: ${short}`, columns: [] };
  const columns = [...new Set(document.columns.filter(({ drifted }) => drifted).map(({ name }) => name))];
  const findings = rulesOf(document, gate);
  const said = (wanted: Finding['drift']) =>
    findings.filter(({ drift }) => drift === wanted).map(({ reason }) => reason);
  const [holding, unknown] = [said(true), said(null)];
  if (findings.length === 0) {
    return { verdict: 'cannot tell', reason: 'cannot tell: the gate has no rule', columns };
  }
  if (holding.length > 0) return { verdict: 'drift', reason: `drift: ${holding.join('; ')}`, columns };
  if (unknown.length > 0) return { verdict: 'cannot tell', reason: `cannot tell: ${unknown.join('; ')}`, columns };
  return { verdict: 'no drift', reason: `no drift: ${said(false).join('; ')}`, columns };
}

/** `not enough rows (37 of 50)`: the shorter window is named when only the reference is short. */
function tooShort({ current, reference }: DriftDocument, minRows: number): string | undefined {
  if (current && current.rows < minRows) return `not enough rows (${current.rows} of ${minRows})`;
  if (reference && reference.rows < minRows) {
    return `not enough rows (${reference.rows} of ${minRows}) in the reference window`;
  }
  return undefined;
}

function rulesOf(document: DriftDocument, gate: DriftGate): Finding[] {
  const features = document.columns.filter(({ role }) => role === 'feature');
  return [
    gate.dataset && datasetRule(document),
    gate.minColumns !== null && countRule(document, features, gate.minColumns),
    gate.share !== null && shareRule(document, gate.share),
    ...gate.columns.map((name) => columnRule(document, name)),
    gate.prediction && roleRule(document, 'prediction'),
    gate.target && roleRule(document, 'target'),
  ].filter((finding) => finding !== false);
}

function datasetRule({ datasetDrift, share, shareThreshold }: DriftDocument): Finding {
  const figures =
    share === null ? '' : ` (${percent(share)} of the features, threshold ${percent(shareThreshold ?? Number.NaN)})`;
  if (datasetDrift === null) return { drift: null, reason: 'the report does not say whether the data set drifted' };
  return { drift: datasetDrift, reason: `the data set ${datasetDrift ? 'drifted' : 'did not drift'}${figures}` };
}

function countRule({ driftedColumns }: DriftDocument, features: DriftColumn[], minColumns: number): Finding {
  if (driftedColumns === null) return { drift: null, reason: 'the report does not say how many columns drifted' };
  const of = features.length > 0 ? ` of ${features.length}` : '';
  const reason = `${driftedColumns}${of} features drifted, drift is ${minColumns} or more`;
  return { drift: driftedColumns >= minColumns, reason };
}

function shareRule({ share }: DriftDocument, wanted: number): Finding {
  if (share === null) return { drift: null, reason: 'the report does not say which share of the columns drifted' };
  return { drift: share >= wanted, reason: `${percent(share)} of the features drifted, drift is ${percent(wanted)}` };
}

function columnRule({ columns }: DriftDocument, name: string): Finding {
  const drift = anyOf(columns.filter((column) => column.name === name));
  if (drift === null) return { drift, reason: `the report says nothing of the column "${name}"` };
  return { drift, reason: `the column "${name}" ${drift ? 'drifted' : 'did not drift'}` };
}

function roleRule({ columns }: DriftDocument, role: 'prediction' | 'target'): Finding {
  const ofRole = columns.filter((column) => column.role === role);
  const drift = anyOf(ofRole);
  const said = ofRole.filter(({ drifted }) => drifted === drift).map(({ name }) => name);
  if (drift !== null) {
    return { drift, reason: `the ${role} (${said.join(', ')}) ${drift ? 'drifted' : 'did not drift'}` };
  }
  const which = said.length > 0 ? ` (${said.join(', ')})` : '';
  return { drift, reason: `the report says nothing of the ${role}${which}` };
}

/** A column may be in a report more than once, by several methods: one result is enough, and no drift needs all. */
function anyOf(columns: readonly DriftColumn[]): boolean | null {
  if (columns.some(({ drifted }) => drifted)) return true;
  return columns.length === 0 || columns.some(({ drifted }) => drifted === null) ? null : false;
}

function percent(share: number): string {
  return Number.isNaN(share) ? 'not given' : `${Number((share * 100).toFixed(1))} %`;
}
