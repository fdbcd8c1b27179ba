import { join } from 'node:path';
import { type Config, fromRoot } from '../config.ts';
import type { MonitorInput } from '../contracts/steps.ts';

interface Wanted {
  /** Prediction log, absolute; empty: that of `monitoring.log`, or of the embedded gateway. */
  log: string;
  minRows: number;
  reference: 'log' | 'training';
  /** Prepared data set, for the reference "training". */
  datasetDir?: string;
  outputDir: string;
}

/** The input of the step `monitor`: what is wanted now, and the section `monitoring` for the rest. */
export function monitorInput(config: Config, wanted: Wanted): MonitorInput {
  const { log, minRows, reference, datasetDir, outputDir } = wanted;
  const { monitoring, data } = config;
  return {
    log: log || predictionLog(config),
    registeredModel: config.registry.registeredModel,
    minRows,
    reference,
    ...(datasetDir !== undefined && { datasetDir }),
    currentRows: monitoring.currentRows,
    referenceRows: monitoring.referenceRows,
    currentHours: monitoring.currentHours ?? null,
    referenceHours: monitoring.referenceHours ?? null,
    columns: monitoring.columns ?? null,
    drop: data.drop ?? null,
    idCategories: data.idCategories ?? null,
    kinds: data.columns,
    method: monitoring.method || null,
    threshold: monitoring.threshold ?? null,
    driftShare: monitoring.driftShare,
    labels: monitoring.labels ? fromRoot(config, monitoring.labels) : null,
    labelColumn: monitoring.labelColumn,
    columnNames: monitoring.columnNames,
    outputDir,
  };
}

function predictionLog(config: Config): string {
  return config.monitoring.log ? fromRoot(config, config.monitoring.log) : embeddedLogs(config);
}

/** Folder of the prediction log of the APIs that the embedded gateway starts. */
export function embeddedLogs(config: Config): string {
  return join(fromRoot(config, config.stack.dir), 'predictions');
}
