import type { NamedScore, Params } from '../contracts/training.ts';

/** `0.6812`; `unknown` for a score that nobody knows. */
export function score(value: number | null | undefined): string {
  return Number.isFinite(value) ? (value as number).toFixed(4) : 'unknown';
}

/** What stands in a table for what is not known, or does not apply. */
export const NONE = '–';

/** A score in a table. */
export const scoreCell = (value: number | null | undefined): string => (Number.isFinite(value) ? score(value) : NONE);

/** `+0.0034`, `−0.0120`: a difference of scores in a table. */
export function signedCell(value: number | null | undefined): string {
  return Number.isFinite(value) ? `${(value as number) < 0 ? '−' : '+'}${score(Math.abs(value as number))}` : NONE;
}

/** `512 B`, `1.5 KiB`, `20.0 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
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

/** `learning_rate 0.0412`: parameters as they are read on a line. */
export function paramTexts(params: Params): string[] {
  return Object.entries(params).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`,
  );
}

export const paramsText = (params: Params): string => paramTexts(params).join(', ');

const ABBREVIATIONS: Record<string, string> = { auc: 'AUC', r2: 'R²', rmse: 'RMSE', mae: 'MAE' };

/** `test_auc` → `test AUC`: metrics as people call them. */
export function metricName(metric: string): string {
  return metric.replaceAll('_', ' ').replace(/\b(auc|r2|rmse|mae)\b/g, (name) => ABBREVIATIONS[name] ?? name);
}

/** `test AUC 0.6812`. */
export const scoreText = ({ metric, value }: NamedScore): string => `${metricName(metric)} ${score(value)}`;

/** What a trial's score is called: those of the bundled steps as people call them, others by their own names. */
export const scoreName = (metric: string) =>
  metric === '' || metric.startsWith('validation_') ? metricName(metric || 'validation_auc') : metric;

/** `0.4 s`, `12.3 s`, `4:05`, `1:02:03`: a time as it is read at a glance. */
export function duration(ms: number): string {
  if (ms < 59_950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const total = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(total % 60)}` : `${minutes}:${two(total % 60)}`;
}

/** `2026-01-31 02:00 UTC`, of a Unix time (ms) or an ISO time. */
export function utcMinute(time: number | string): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `2026-01-31 02:00:07`, of a Unix time (ms) or an ISO time, in UTC. */
export function utcSecond(time: number | string): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

/** As the beginning of a sentence. */
export const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** As it stands in the middle of a sentence. */
export const uncapitalised = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
