import { stringify } from 'yaml';

/** A line or a section of `mediwatch.yaml` with the comment above it. */
export interface Entry {
  key: string;
  /** Why it is so, where it was found, or what to fill in; empty: nothing. */
  comment: string;
  /** Written as a comment: a proposal that is not in force. */
  off: boolean;
  content: { value: unknown } | { entries: Entry[] } | { items: Entry[][] };
}

type Options = { off?: boolean };

export const setting = (key: string, value: unknown, comment = '', { off = false }: Options = {}): Entry => ({
  key,
  comment,
  off,
  content: { value },
});

/** A section without entries is none. */
export const section = (
  key: string,
  entries: Array<Entry | null>,
  comment = '',
  { off = false }: Options = {},
): Entry | null => {
  const there = entries.filter((entry) => entry !== null);
  return there.length === 0 ? null : { key, comment, off, content: { entries: there } };
};

export const listing = (key: string, items: Array<Array<Entry | null>>, comment = ''): Entry | null =>
  items.length === 0
    ? null
    : { key, comment, off: false, content: { items: items.map((item) => item.filter((entry) => entry !== null)) } };

/** Columns of a comment or of a list in one line. */
const WIDTH = 110;

/** Lines of `mediwatch.yaml`. */
export function render(entries: ReadonlyArray<Entry | null>): string[] {
  return entries.flatMap((entry) => (entry ? ['', ...lines(entry)] : []));
}

function lines(entry: Entry): string[] {
  const comment = entry.comment.split('\n').flatMap(wrapped).filter(Boolean);
  const off = isOff(entry);
  const body = off ? content(switchedOn(entry)).map((line) => `# ${line}`) : content(entry);
  return [...comment.map((line) => `# ${line}`), ...body];
}

function content({ key, content }: Entry): string[] {
  const name = inline(key);
  if ('entries' in content) return [`${name}:`, ...indented(content.entries.flatMap(lines))];
  if ('items' in content)
    return [
      `${name}:`,
      ...content.items.flatMap((item) => item.flatMap(lines).map((line, at) => `  ${at === 0 ? '- ' : '  '}${line}`)),
    ];
  const text = `${name}: ${inline(content.value)}`;
  if (text.length <= WIDTH || !Array.isArray(content.value)) return [text];
  return [`${name}:`, '  [', ...indented(groups(content.value)), '  ]'];
}

/** A section of which nothing is in force is not in force: a key without a value would be one. */
function isOff({ off, content }: Entry): boolean {
  return off || ('entries' in content && content.entries.every(isOff));
}

function switchedOn(entry: Entry): Entry {
  const { content } = entry;
  if (!('entries' in content)) return { ...entry, off: false };
  return { ...entry, off: false, content: { entries: content.entries.map(switchedOn) } };
}

const indented = (all: readonly string[]) => all.map((line) => `  ${line}`);

/** Arguments of a command, an option and its value on a line. */
function groups(values: readonly unknown[]): string[] {
  const words = values.map((value, index) => inline(value) + (index < values.length - 1 ? ',' : ''));
  const rows: string[] = [];
  for (const [index, word] of words.entries()) {
    const starts = String(values[index]).startsWith('-') && !/^python/.test(String(values[index - 1] ?? ''));
    if (rows.length === 0 || starts) rows.push(word);
    else rows[rows.length - 1] += ` ${word}`;
  }
  return indented(rows);
}

/** Cron expressions are quoted, although YAML could do without: a star alone is an alias elsewhere. */
function inline(value: unknown): string {
  if (typeof value === 'string' && value.includes('*')) return JSON.stringify(value);
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

function wrapped(text: string): string[] {
  const rows = [''];
  for (const word of text.split(' ')) {
    const last = rows.length - 1;
    if (rows[last] && `${rows[last]} ${word}`.length > WIDTH) rows.push(word);
    else rows[last] += rows[last] ? ` ${word}` : word;
  }
  return rows;
}
