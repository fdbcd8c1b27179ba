import type { Metrics } from '../../contracts/training.ts';
import { toPairs } from './shapes.ts';

/** Values of one run. Metrics without a value (null, NaN, infinite) are left out: MLflow cannot store them. */
export interface RunValues {
  metrics?: Readonly<Metrics>;
  params?: Readonly<Record<string, unknown>>;
  tags?: Readonly<Record<string, string>>;
  /** Step of the metrics (default 0). */
  step?: number;
  /** Unix time of the metrics (ms; default now). */
  timestamp?: number;
}

interface Batch {
  metrics: Array<{ key: string; value: number; timestamp: number; step: number }>;
  params: Array<{ key: string; value: string }>;
  tags: Array<{ key: string; value: string }>;
}

/** What MLflow takes in one `runs/log-batch` (its REST documentation); its servers refuse a request over 1 MB. */
export const BATCH_LIMITS = { metrics: 1_000, params: 100, tags: 100, total: 1_000, bytes: 900_000 } as const;
/** Longest value that every server from 2.13 on takes (characters). */
export const PARAM_LENGTH = 6_000;
export const TAG_LENGTH = 5_000;

/** Cuts the values into batches that MLflow takes, none of them empty; too long texts are cut short. */
export function toBatches({
  metrics = {},
  params = {},
  tags = {},
  step = 0,
  timestamp = Date.now(),
}: RunValues): Batch[] {
  const entries = [
    ...Object.entries(params).map(([key, value]) => ({
      kind: 'params' as const,
      entry: { key, value: textOf(value).slice(0, PARAM_LENGTH) },
    })),
    ...toPairs(tags).map(({ key, value }) => ({
      kind: 'tags' as const,
      entry: { key, value: value.slice(0, TAG_LENGTH) },
    })),
    ...Object.entries(metrics)
      .filter((metric): metric is [string, number] => Number.isFinite(metric[1]))
      .map(([key, value]) => ({ kind: 'metrics' as const, entry: { key, value, timestamp, step } })),
  ];
  const batches: Batch[] = [];
  let bytes = 0;
  let total = 0;
  for (const { kind, entry } of entries) {
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    let batch = batches.at(-1);
    const full =
      batch &&
      (batch[kind].length >= BATCH_LIMITS[kind] || total >= BATCH_LIMITS.total || bytes + size > BATCH_LIMITS.bytes);
    if (!batch || full) {
      batch = { metrics: [], params: [], tags: [] };
      batches.push(batch);
      bytes = 0;
      total = 0;
    }
    (batch[kind] as unknown[]).push(entry);
    bytes += size;
    total += 1;
  }
  return batches;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
