import { parseTime } from './time.ts';

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/**
 * Reads since when: a time back from now (`90m`, `12h`, `7d`, `2w`), or a time as `parseTime` takes it.
 *
 * @param now Unix time (ms)
 * @returns Unix time (ms); undefined when it is neither
 */
export function parseSince(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d{1,6})\s*([mhdw])$/.exec(text.trim()) ?? [];
  return unit ? now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS] : parseTime(text);
}
