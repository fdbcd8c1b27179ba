/** What a part of an address stands for; null: a `%` in it begins no encoding, such as `%25`. */
export function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
