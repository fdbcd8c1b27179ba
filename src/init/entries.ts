import { stringify } from 'yaml';

const SAID = Symbol('a setting with a comment');

/** A setting with why it is so, where it was found, or what to fill in; one that is off is written as a comment. */
interface Said {
  [SAID]: true;
  value: Setting | undefined;
  comment: string;
  off: boolean;
}

/** Settings by their keys; undefined, and a section with nothing in it, is none. */
export interface Section {
  [key: string]: Setting | undefined;
}

/** A map is a mapping on one line. */
export type Setting = string | number | boolean | null | readonly unknown[] | Map<string, unknown> | Said | Section;

export const said = (value: Setting | undefined, comment = '', off = false): Said => ({
  [SAID]: true,
  value,
  comment,
  off,
});
export const inLine = (value: object) => new Map<string, unknown>(Object.entries(value));

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
const isSaid = (setting: Setting | undefined): setting is Said => isSection(setting) && SAID in setting;

function there(section: Section): Array<[string, Said]> {
  const all = Object.entries(section).map(([key, one]): [string, Said] => [key, isSaid(one) ? one : said(one)]);
  return all.filter(([, { value }]) => value !== undefined && !(isSection(value) && there(value).length === 0));
}

/** A section of which nothing is in force is not in force: a key without a value would be one. */
const isOff = ({ value, off }: Said): boolean =>
  off || (isSection(value) && there(value).every(([, one]) => isOff(one)));

/** Lines of `mediwatch.yaml`. */
export function render(settings: Section): string[] {
  return there(settings).flatMap(([key, one]) => ['', ...lines(key, one, false)]);
}

/** @param isWithin whether it stands in what is a comment as a whole */
function lines(key: string, setting: Said, isWithin: boolean): string[] {
  const off = !isWithin && isOff(setting);
  const body = content(key, setting.value, isWithin || off);
  return [
    ...setting.comment
      .split('\n')
      .flatMap(wrapped)
      .map((line) => `# ${line}`),
    ...(off ? body.map((line) => `# ${line}`) : body),
  ];
}

/** Columns of a comment or of a list in one line. */
const WIDTH = 110;
const wrapped = (text: string) => text.match(new RegExp(`\\S.{0,${WIDTH - 1}}(?= |$)|\\S+`, 'g')) ?? [];
const indented = (all: readonly string[]) => all.map((line) => `  ${line}`);

function content(key: string, value: Said['value'], isWithin: boolean): string[] {
  const name = `${inline(key)}:`;
  const inner = (section: Section) => there(section).flatMap(([own, one]) => lines(own, one, isWithin));
  if (isSection(value)) return [name, ...indented(inner(value))];
  if (Array.isArray(value) && value.length > 0 && value.every(isSection))
    return [name, ...value.flatMap((item) => inner(item).map((line, at) => `  ${at === 0 ? '-' : ' '} ${line}`))];
  const text = `${name} ${inline(value)}`;
  if (text.length <= WIDTH || !Array.isArray(value)) return [text];
  return [name, '  [', ...indented(indented(rows(value))), '  ]'];
}

/** Arguments of a command, an option and its value on a line. */
function rows(values: readonly unknown[]): string[] {
  const made: string[] = [];
  for (const [index, value] of values.entries()) {
    const word = inline(value) + (index < values.length - 1 ? ',' : '');
    const starts = String(value).startsWith('-') && !/^python/.test(String(values[index - 1] ?? ''));
    if (made.length === 0 || starts) made.push(word);
    else made[made.length - 1] += ` ${word}`;
  }
  return made;
}

/** Cron expressions are quoted, although YAML could do without: a star alone is an alias elsewhere. */
function inline(value: unknown): string {
  if (typeof value === 'string' && value.includes('*')) return JSON.stringify(value);
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}
