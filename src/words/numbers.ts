import type { Params } from '../contracts/training.ts';

/** `0.6812`; `unknown` for a score that nobody knows. */
export function score(value: number | null | undefined): string {
  return Number.isFinite(value) ? (value as number).toFixed(4) : 'unknown';
}

/** `31 %`, `2.5 %`: a share from 0 to 1. */
export function percent(share: number | null | undefined): string {
  return Number.isFinite(share) ? `${Number(((share as number) * 100).toFixed(1))} %` : 'not given';
}

/** `101,766`. */
export function grouped(count: number | null | undefined): string {
  return count?.toLocaleString('en') ?? 'unknown';
}

/** `1 alert`, `3 alerts`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `learning_rate 0.0412, max_depth 6`: parameters as they are read on a line. */
export function paramsText(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`)
    .join(', ');
}

/** `test_auc` → `test AUC`: metrics as people call them. */
export function metricName(metric: string): string {
  return metric.replaceAll('_', ' ').replace(/\bauc\b/, 'AUC');
}

/** What a trial's score is called; the bundled steps use the validation AUC. */
export const scoreName = (metric: string) => metric || 'validation AUC';
