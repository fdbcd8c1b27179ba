/** What a text of JSON says; undefined for one that is none, such as a tag that somebody else wrote. */
export function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
