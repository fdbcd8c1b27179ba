import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DriftColumn, DriftDocument } from '../../src/contracts/drift.ts';
import type { DriftGate } from '../../src/contracts/options.ts';
import { type EndedCheck, isNewsOfSilence, judgeDrift } from '../../src/domain/driftGate.ts';

const NAMES = ['age', 'ward', 'prob', 'label'];
const share = fc.double({ min: 0, max: 1, noNaN: true });
const column = fc.record<DriftColumn>({
  name: fc.constantFrom(...NAMES),
  role: fc.constantFrom('feature', 'prediction', 'target'),
  method: fc.constant(null),
  score: fc.constant(null),
  threshold: fc.constant(null),
  drifted: fc.option(fc.boolean()),
});
const window = fc.option(
  fc.record({ source: fc.constant('log'), rows: fc.nat(100), from: fc.constant(null), to: fc.constant(null) }),
);
const document = fc.record<DriftDocument>({
  schema: fc.constant('mediwatch.drift/1'),
  key: fc.constant('k'),
  createdAt: fc.constant(null),
  tool: fc.constant('a test'),
  current: window,
  reference: window,
  minRows: fc.option(fc.integer({ min: 1, max: 100 })),
  columns: fc.uniqueArray(column, { selector: ({ name }) => name }),
  driftedColumns: fc.option(fc.nat(10)),
  share: fc.option(share),
  shareThreshold: fc.option(share),
  datasetDrift: fc.option(fc.boolean()),
});
const positiveShare = fc.double({ min: 0.001, max: 1, noNaN: true });
const gate = fc.record<DriftGate>({
  dataset: fc.boolean(),
  minColumns: fc.option(fc.integer({ min: 1, max: 10 })),
  columns: fc.subarray(NAMES),
  share: fc.option(positiveShare),
  prediction: fc.boolean(),
  target: fc.boolean(),
});
const NO_RULE: DriftGate = {
  dataset: false,
  minColumns: null,
  columns: [],
  share: null,
  prediction: false,
  target: false,
};

/** A gate taken apart: each rule alone. */
function rules(gate: DriftGate): DriftGate[] {
  return [
    ...(gate.dataset ? [{ ...NO_RULE, dataset: true }] : []),
    ...(gate.minColumns === null ? [] : [{ ...NO_RULE, minColumns: gate.minColumns }]),
    ...gate.columns.map((name) => ({ ...NO_RULE, columns: [name] })),
    ...(gate.share === null ? [] : [{ ...NO_RULE, share: gate.share }]),
    ...(gate.prediction ? [{ ...NO_RULE, prediction: true }] : []),
    ...(gate.target ? [{ ...NO_RULE, target: true }] : []),
  ];
}
const verdict = (report: DriftDocument, rule: DriftGate, minRows = 50) => judgeDrift(report, rule, minRows).verdict;
const property = (check: (report: DriftDocument, rule: DriftGate) => void) =>
  fc.assert(fc.property(document, gate, check), { numRuns: 1_000 });
/** As if both windows had rows enough. */
const long = (report: DriftDocument): DriftDocument => ({ ...report, current: null, reference: null });

describe('the gate', () => {
  it('calls it drift when any of its rules does, however many others do not or cannot tell', () => {
    property((report, rule) => {
      const alone = rules(rule).map((one) => verdict(long(report), one));
      expect(verdict(long(report), rule) === 'drift').toBe(alone.includes('drift'));
    });
  });

  it('never says "no drift" of what the report does not say', () => {
    property((report, rule) => {
      const alone = rules(rule).map((one) => verdict(long(report), one));
      if (verdict(long(report), rule) === 'no drift') expect(new Set(alone)).toEqual(new Set(['no drift']));
      const silent = { ...long(report), columns: [], driftedColumns: null, share: null, datasetDrift: null };
      expect(verdict(silent, rule)).toBe('cannot tell');
    });
  });

  it('skips every report with too few rows in either window, and only those', () => {
    property((report, rule) => {
      const wanted = report.minRows ?? 50;
      const short = [report.current, report.reference].some((rows) => rows !== null && rows.rows < wanted);
      expect(verdict(report, rule) === 'skipped').toBe(short);
    });
  });

  it('is no stricter with a higher threshold', () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 1, max: 10 }), positiveShare, (report, minColumns, wanted) => {
        const drifts = (rule: Partial<DriftGate>) => verdict(long(report), { ...NO_RULE, ...rule }) === 'drift';
        if (drifts({ minColumns: minColumns + 1 })) expect(drifts({ minColumns })).toBe(true);
        if (drifts({ share: wanted })) expect(drifts({ share: wanted / 2 })).toBe(true);
      }),
    );
  });

  it('rests on findings that say what the verdict says, and names the columns that drifted', () => {
    property((report, rule) => {
      const { verdict, grounds, columns } = judgeDrift(report, rule, 50);
      const drift = { drift: true, 'no drift': false, 'cannot tell': null, skipped: undefined }[verdict];
      if (grounds.code === 'rules') expect(grounds.findings.every((finding) => finding.drift === drift)).toBe(true);
      else expect(grounds.code).toBe(verdict === 'skipped' ? 'tooFewRows' : 'noRule');
      const drifted = report.columns.filter((one) => one.drifted).map(({ name }) => name);
      expect(columns).toEqual(verdict === 'skipped' ? [] : drifted);
    });
  });

  it('takes every result of a column that is in the report more than once, and of a role that has several', () => {
    const result = (name: string, drifted: boolean | null, role: DriftColumn['role'] = 'feature'): DriftColumn => ({
      ...{ name, role, drifted, method: null, score: null, threshold: null },
    });
    const [sample] = fc.sample(document, 1) as [DriftDocument];
    const said = (columns: DriftColumn[], rule: Partial<DriftGate>) =>
      judgeDrift({ ...long(sample), columns }, { ...NO_RULE, ...rule }, 50);
    const twice = said([result('age', false), result('age', true), result('age', true)], { columns: ['age'] });
    expect(twice).toEqual({
      verdict: 'drift',
      grounds: { code: 'rules', findings: [{ rule: 'column', column: 'age', drift: true }] },
      columns: ['age'],
    });
    expect(said([result('age', false), result('age', null)], { columns: ['age'] }).verdict).toBe('cannot tell');
    const half = [result('prob', null, 'prediction'), result('pred', false, 'prediction')];
    expect(said(half, { prediction: true })).toMatchObject({
      verdict: 'cannot tell',
      grounds: { findings: [{ rule: 'prediction', drift: null, columns: ['prob'] }] },
    });
    expect(said([...half, result('prediction', true, 'prediction')], { prediction: true }).verdict).toBe('drift');
  });

  it('says how many rows there are of how many', () => {
    const rows = (number: number) => ({ source: 'log', rows: number, from: null, to: null });
    const [report] = fc.sample(document, 1) as [DriftDocument];
    const short = { ...report, minRows: 50, current: rows(37), reference: rows(60) };
    expect(judgeDrift(short, NO_RULE, 10).grounds).toEqual({
      code: 'tooFewRows',
      window: 'current',
      rows: 37,
      minRows: 50,
    });
    const other = { ...short, current: rows(60), reference: rows(12) };
    expect(judgeDrift(other, NO_RULE, 10).grounds).toMatchObject({ window: 'reference', rows: 12, minRows: 50 });
  });
});

describe('rows that were left out', () => {
  const drift = { dataset: true, minColumns: null, columns: [], share: null, prediction: false, target: false };
  const of = (datasetDrift: boolean, leftOutShare: number): DriftDocument => ({
    schema: 'mediwatch.drift/1',
    key: 'k',
    createdAt: null,
    tool: 'a test',
    current: { source: 'log', rows: 100, from: null, to: null },
    reference: null,
    minRows: 10,
    columns: [],
    driftedColumns: null,
    share: null,
    shareThreshold: null,
    datasetDrift,
    leftOut: [{ code: 'cells', rows: 50, at: [] }],
    leftOutShare,
  });

  it('too many of the newest ones make a check that cannot tell, unless the others drifted', () => {
    expect(judgeDrift(of(false, 0.2), drift, 10).verdict).toBe('no drift');
    expect(judgeDrift(of(false, 0.21), drift, 10)).toMatchObject({
      verdict: 'cannot tell',
      grounds: { code: 'leftOut', rows: 50, share: 0.21 },
    });
    expect(judgeDrift(of(true, 0.9), drift, 10).verdict).toBe('drift');
    expect(judgeDrift({ ...of(false, 0.9), current: null }, { ...drift }, 1_000).verdict).toBe('cannot tell');
  });
});

describe('people are notified', () => {
  const at = (date: string) => Date.parse(`${date}T02:30:00Z`);
  const ended = (outcome: EndedCheck['outcome'], date: string): EndedCheck => ({ outcome, at: at(date) });

  it('of a nightly check that fails each night, and once of one that fails each hour', () => {
    expect(isNewsOfSilence(ended('failed', '2026-03-02'), [ended('failed', '2026-03-01')])).toBe(true);
    const anHourLater = { outcome: 'failed' as const, at: at('2026-03-02') + 3_600_000 };
    expect(isNewsOfSilence(anHourLater, [ended('failed', '2026-03-02')])).toBe(false);
    expect(isNewsOfSilence(anHourLater, [ended('judged', '2026-03-02')])).toBe(true);
  });

  it('of the third check in a row that is skipped, and once a month while it goes on', () => {
    const dates = Array.from({ length: 65 }, (_, day) =>
      new Date(Date.UTC(2026, 0, 10 + day)).toISOString().slice(0, 10),
    );
    const told = dates.filter((date, index) => {
      const earlier = dates.slice(Math.max(0, index - 3), index).reverse();
      return isNewsOfSilence(
        ended('skipped', date),
        earlier.map((other) => ended('skipped', other)),
      );
    });
    expect(told).toEqual(['2026-01-12', '2026-02-01', '2026-03-01']);
  });
});
