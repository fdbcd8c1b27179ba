/** Keys of alerts by the day since 1970: their digests, each after a separator, in lists so short that a look is quick. */
export type SeenKeys = Readonly<Record<string, readonly string[]>>;

/** For so long a key counts once. */
export const DAYS_KEPT = 30;
/** At the most: 1.2 MB, as the next run of the steward gets them as a payload, and Temporal refuses one of 2 MB. */
export const KEYS_KEPT = 100_000;

const DAY_MS = 86_400_000;
const LISTS = 32;
/** Characters of a key, with its separator. */
const ENTRY = 12;

/** Whether an alert with this key came within the days that are kept. */
export function isSeen(keys: SeenKeys, key: string, now: number): boolean {
  const { list, entry } = placeOf(key);
  return recent(keys, now).some(([, lists]) => lists[list]?.includes(entry));
}

/** Keeps a key, and lets go of those that are too old; of more than can be kept, a list of the oldest goes. */
export function remember(keys: SeenKeys, key: string, now: number): SeenKeys {
  const { list, entry } = placeOf(key);
  const today = keys[dayOf(now)] ?? Array<string>(LISTS).fill('');
  const next: Record<string, readonly string[]> = {
    ...Object.fromEntries(recent(keys, now)),
    [dayOf(now)]: today.with(list, today[list] + entry),
  };
  if (sizeOf(Object.values(next).flat()) <= KEYS_KEPT * ENTRY) return next;
  const [oldest = '', lists = []] = Object.entries(next)[0] ?? [];
  next[oldest] = lists.with(
    lists.findIndex((entries) => entries !== ''),
    '',
  );
  if (sizeOf(next[oldest]) === 0) delete next[oldest];
  return next;
}

const sizeOf = (lists: readonly string[]) => lists.reduce((sum, { length }) => sum + length, 0);

const dayOf = (now: number) => Math.floor(now / DAY_MS);

/** Oldest first, as an object gives keys that are whole numbers in their order. */
const recent = (keys: SeenKeys, now: number) =>
  Object.entries(keys).filter(([day]) => Number(day) >= dayOf(now) - DAYS_KEPT);

/** The separator keeps the end of one digest and the beginning of the next from being taken for a third. */
function placeOf(key: string): { list: number; entry: string } {
  const digest = digestOf(key);
  return { list: digest % LISTS, entry: `.${digest.toString(36).padStart(ENTRY - 1, '0')}` };
}

/**
 * 53 bits of a key (cyrb53, public domain): workflows have no cryptography. Of 100,000 keys that are kept and another,
 * two are the same once in 10^11 times. Who would make the digest of somebody else's key must know the key, and could
 * send that one.
 */
function digestOf(key: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return 2 ** 32 * (low & 0x1fffff) + (high >>> 0);
}
