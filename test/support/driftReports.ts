/** JSON of a drift report. */
export type MediwatchReport = Record<string, unknown>;

/** Which columns drifted, by name. */
export type Drifted = Readonly<Record<string, boolean>>;

const share = (drifted: Drifted) => Object.values(drifted).filter(Boolean).length / Object.keys(drifted).length;

/** A report as Evidently 0.4 writes it, as far as it tells of drift. */
export function evidently04(drifted: Drifted, rows = 100): MediwatchReport {
  const columns = Object.keys(drifted);
  const counts = {
    drift_share: 0.5,
    number_of_columns: columns.length,
    number_of_drifted_columns: Object.values(drifted).filter(Boolean).length,
    share_of_drifted_columns: share(drifted),
    dataset_drift: share(drifted) >= 0.5,
  };
  const drift_by_columns = Object.fromEntries(
    columns.map((column_name) => [
      column_name,
      {
        column_name,
        column_type: 'num',
        stattest_name: 'K-S p_value',
        stattest_threshold: 0.05,
        drift_score: drifted[column_name] ? 0.001 : 0.6,
        drift_detected: drifted[column_name],
      },
    ]),
  );
  const window = { number_of_columns: columns.length, number_of_rows: rows };
  return {
    version: '0.4.40',
    metrics: [
      { metric: 'DatasetSummaryMetric', result: { current: window, reference: window } },
      { metric: 'DatasetDriftMetric', result: counts },
      { metric: 'DataDriftTable', result: { ...counts, drift_by_columns } },
    ],
  };
}

/** A report as Evidently 0.7 writes it. */
export function evidently07(drifted: Drifted): MediwatchReport {
  const columns = Object.keys(drifted);
  const count = Object.values(drifted).filter(Boolean).length;
  return {
    metrics: [
      {
        id: '0',
        metric_name: 'DriftedColumnsCount(drift_share=0.5)',
        config: { type: 'evidently:metric_v2:DriftedColumnsCount', drift_share: 0.5 },
        value: { count, share: share(drifted) },
      },
      ...columns.map((column, index) => ({
        id: String(index + 1),
        metric_name: `ValueDrift(column=${column},method=K-S p_value,threshold=0.05)`,
        config: { type: 'evidently:metric_v2:ValueDrift', column, method: 'K-S p_value', threshold: 0.05 },
        value: drifted[column] ? 0.001 : 0.6,
      })),
    ],
    tests: [],
  };
}
