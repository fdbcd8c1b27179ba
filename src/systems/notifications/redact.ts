import { decoded } from './decoded.ts';

/** Shorter pieces of an address, such as "/hook", are no secrets, and hiding them would spoil sentences. */
const LEAST = 6;

/** Makes what takes secrets, and the secret parts of addresses, out of a text. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const hidden = [...new Set(secrets.flatMap(pieces))].toSorted((a, b) => b.length - a.length);
  return (text) => hidden.reduce((rest, piece) => rest.replaceAll(piece, '***'), text);
}

function pieces(secret: string): string[] {
  const url = URL.parse(secret);
  if (!url) return [secret];
  const parts = [url.pathname + url.search, url.pathname, url.password, decoded(url.password) ?? ''];
  return [secret, ...parts.filter((part) => part.length >= LEAST)];
}
