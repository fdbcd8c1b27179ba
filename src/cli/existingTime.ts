/**
 * The time of a text in the form of ISO 8601. JavaScript takes 31 February for 3 March; here it is none.
 *
 * @returns Unix time (ms); undefined for a day or an hour that does not exist
 */
export function existingTime(iso: string): number | undefined {
  const [day = ''] = iso.split('T');
  const midnight = new Date(`${day}T00:00Z`);
  const time = Date.parse(iso);
  if (Number.isNaN(time) || Number.isNaN(midnight.getTime())) return undefined;
  return midnight.toISOString().startsWith(day) ? time : undefined;
}
