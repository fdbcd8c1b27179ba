import { existingTime } from '../existingTime.ts';

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Reads a time as a person types it: `2026-11-24`, `2026-11-24T10:00`, `2026-11-24 10:00`, with a zone (`Z`, `+01:00`)
 * or in the zone of this machine.
 *
 * @returns Unix time (ms); undefined when it is none
 */
export function parseTime(text: string): number | undefined {
  const iso = text.trim().replace(/^(\d{4}-\d{2}-\d{2}) (?=\d)/, '$1T');
  if (!TIME.test(iso)) return undefined;
  // JavaScript takes a date alone as one in UTC, and anything longer as one here.
  return existingTime(DATE.test(iso) ? `${iso}T00:00` : iso);
}
