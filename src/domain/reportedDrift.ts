import type { DriftDocument } from '../contracts/drift.ts';
import type { DriftAlert } from '../contracts/steward.ts';

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
    reason: from.reason.slice(0, LIMIT.reason),
    source: from.source,
    report: from.report ?? null,
    share,
  };
}
