import { randomInt } from 'node:crypto';
import { styleText } from 'node:util';
import { redact } from './redaction.ts';

/** Marks our own sequences: nobody else can know these numbers, so theirs are not taken for ours. */
const OURS = Array.from({ length: 3 }, () => randomInt(1_000, 10_000)).join(';');

type Format = Parameters<typeof styleText>[0];

/** A text in a format of ours, for `printable`. */
export function formatted(format: Format, text: string): string {
  const [begin = '', end = ''] = styleText(format, '|', { validateStream: false }).split('|');
  return own(begin) + text + own(end);
}

const own = (sequence: string) => sequence.replaceAll('\x1b[', `\x1b[${OURS};`);

/**
 * A sequence of ours, a colour of others, or a character that acts on a terminal: controls but tab and new line, and
 * those that turn the direction of what follows.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ACTING = /(\x1b\[[\d;:]*m)|[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** What may be written to a terminal: a text without secrets, in which nothing acts on it but our own colours. */
export function printable(text: string): string {
  return inert(redact(text).replaceAll('\r\n', '\n'));
}

/** A text in which nothing acts on a terminal; JSON stays the same JSON. */
export function inert(text: string): string {
  return text.replace(ACTING, (found, colour?: string) => {
    if (colour === undefined) return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
    const rest = colour.split(`\x1b[${OURS};`);
    return rest.length === 2 ? `\x1b[${rest[1]}` : '';
  });
}
