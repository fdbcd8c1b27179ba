import { oneLine, utf8Length } from '../contracts/text.ts';

/** Text from elsewhere on one line, as it reads: nothing in it is taken for Markdown, and a table stays a table. */
export function plain(text: string): string {
  return (
    oneLine(text)
      .replace(/[\\`*[\]<>|~]/g, '\\$&')
      .replace(/_(?<![\p{L}\p{N}]_)|_(?![\p{L}\p{N}])/gu, '\\_')
      .replace(/&(?=#?\w+;)/g, '\\&')
      // The UI sets two of them as a dash, and a command that is copied from there does not work.
      .replace(/-(?=-)/g, '\\-')
  );
}

/** Something to type, or an id: `` `mediwatch doctor` ``. It may hold backticks of its own. */
export function code(text: string): string {
  const line = oneLine(text);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${space}${line}${space}${fence}`;
}

/** JSON to copy from the page and paste into a form. */
export function jsonBlock(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
}

/** A link to a page; anything but an address of the web is shown, and cannot be followed. */
export function link(name: string, url: string): string {
  if (!/^https?:\/\//i.test(url)) return `${plain(name)} ${code(url)}`;
  const safe = url.replace(/[\s()<>\\|`]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `[${plain(name)}](${safe})`;
}

/** A table; the cells are Markdown. */
export function table(heads: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/(?<!\\)\|/g, '\\|')).join(' | ')} |`;
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n');
}

/** Temporal shows 20 KB of details. */
const DETAILS_BYTES = 20_000;
const LEFT_OUT = 'There is more than fits on this page.';
/** The UI cuts the last line off: it measures the text without the margins of its paragraphs. This one is cut instead. */
const BOTTOM = '\u00a0';

/** Paragraphs, the most important first, as far as they fit into a workflow's details; each is whole or left out. */
export function fitted(parts: ReadonlyArray<string | false | null | undefined>): string {
  let room = DETAILS_BYTES - utf8Length(LEFT_OUT) - utf8Length(BOTTOM) - 4;
  const shown: string[] = [];
  let leftOut = false;
  for (const part of parts) {
    if (!part) continue;
    const needs = utf8Length(part) + 2;
    if (needs > room) leftOut = true;
    else {
      shown.push(part);
      room -= needs;
    }
  }
  return [...shown, ...(leftOut ? [LEFT_OUT] : []), BOTTOM].join('\n\n');
}
