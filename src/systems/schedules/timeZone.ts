/**
 * What is wrong with the name of a time zone; null when nothing is. Temporal takes the names of the IANA database as
 * they are spelled there; JavaScript also takes offsets, and any case.
 */
export function problemOfTimeZone(name: string): string | null {
  const expected = 'Expected a name of the IANA database, such as UTC or Europe/London';
  const canonical = canonicalOf(name);
  if (canonical === null) return `there is no time zone "${name}". ${expected}`;
  if (canonical !== name && canonical.toLowerCase() === name.toLowerCase())
    return `"${name}" is spelled "${canonical}"`;
  return null;
}

function canonicalOf(name: string): string | null {
  if (!/^[a-z]/i.test(name)) return null;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}
