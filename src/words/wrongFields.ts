import { z } from 'zod';
import {
  coreOf,
  defaultOf,
  isMapping,
  isNullable,
  keysOf,
  metaOf,
  type Path,
  pathText,
  schemaAt,
  valueAt,
} from '../contracts/schemas.ts';
import { uncapitalised } from './numbers.ts';
import { didYouMean, joined, quoted } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** How the values are written, which decides what things are called. */
type Written = 'yaml' | 'json';

interface Checked {
  schema: z.ZodType;
  /** The values as they were given. */
  value: unknown;
  written: Written;
  /** What may be a secret is not quoted. */
  isSecret?: (path: Path) => boolean;
  /** Where else a field of this name stands: `trials` is `search.trials`. */
  elsewhere?: (key: string) => string[];
}

/** One wrong field. */
interface WrongField {
  path: Path;
  /** Whether its name is wrong, or its value. */
  part: 'key' | 'value';
  /** What was expected, what was given, and what was meant; it stands behind a colon. */
  message: string;
}

/** Nobody reads more of them at once, and what each may have meant takes time to find out. */
export const MOST_SHOWN = 100;

/** What zod found, for the person who wrote the values: zod's own messages name neither the value nor a remedy. */
export function wrongFields(issues: readonly Issue[], checked: Checked): WrongField[] {
  const wrong = issues.flatMap(
    (issue): Array<{ issue: Issue; key: string | undefined }> =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => ({ issue, key })) : [{ issue, key: undefined }],
  );
  const fields = wrong.slice(0, MOST_SHOWN).map(({ issue, key }): WrongField => {
    if (key !== undefined) return unknownKey(key, issue.path, checked);
    const part = issue.code === 'invalid_key' ? 'key' : 'value';
    return { path: issue.path, part, message: messageOf(issue, checked) };
  });
  const last = fields.at(-1);
  if (last && wrong.length > MOST_SHOWN) last.message += `; ${wrong.length - MOST_SHOWN} more are not shown`;
  // A number that is no safe integer is beyond a limit of its own too: the last fault of a value says most.
  return checked.written === 'json'
    ? [...new Map(fields.map((field) => [pathText(field.path), field])).values()]
    : fields;
}

/** `trials: expected a whole number from 0 on; got -1`: one text for each wrong field of JSON. */
export function wrongFieldTexts(
  issues: readonly Issue[],
  schema: z.ZodType,
  value: unknown,
  whole = 'input',
): string[] {
  return wrongFields(issues, { schema, value, written: 'json' }).map(
    ({ path, message }) => `${pathText(path) || whole}: ${message}`,
  );
}

function unknownKey(key: string, path: Path, { schema, value, written, elsewhere }: Checked): WrongField {
  const around = schemaAt(schema, value, path);
  const known = keysOf(around && coreOf(around));
  const there = valueAt(value, path);
  const absent = known.filter((name) => !(isMapping(there) && Object.hasOwn(there, name)));
  const others = elsewhere?.(key) ?? [];
  const meant =
    didYouMean(key, absent) ||
    didYouMean(key, known) ||
    (others.length > 0 ? `; did you mean ${quoted(others, 'or')}?` : '') ||
    (absent.length > 0 ? `; known here: ${absent.join(', ')}` : '');
  return { path: [...path, key], part: 'key', message: `unknown ${written === 'yaml' ? 'setting' : 'field'}${meant}` };
}

function messageOf(issue: Issue, { schema: root, value, written, isSecret }: Checked): string {
  const schema = schemaAt(root, value, issue.path) ?? z.unknown();
  const came = valueAt(value, issue.path);
  const got = `; got ${shown(came, written, coreOf(schema))}`;
  switch (issue.code) {
    case 'custom':
      return uncapitalised(issue.message);
    case 'invalid_key':
      return uncapitalised(issue.issues[0]?.message ?? issue.message);
    case 'invalid_format':
      return `${uncapitalised(issue.message)}${written === 'yaml' ? '' : got}`;
    case 'invalid_value':
      return expectedOneOf(issue.values.map(String), came, got);
    case 'invalid_union':
      if ('options' in issue && issue.options) return expectedOneOf(issue.options.map(String), came, got);
      break;
    case 'too_small':
    case 'too_big':
      if (isMeasured(issue, came))
        return outOfRange(issue, `${kindOf(schema, written)}${unitOf(schema)}`, `; got ${came}`);
  }
  const kind = `${kindOf(schema, written)}${unitOf(schema)}`;
  if (came === undefined) return `is missing: expected ${kind}`;
  if (isSecret?.(issue.path)) return `expected ${kind}; put it in quotes, or better into a variable`;
  return `expected ${kind}${exampleOf(schema)}${got}${hintOf(schema, came, written)}`;
}

function expectedOneOf(options: string[], came: unknown, got: string): string {
  const expected = `expected ${options.length > 1 ? 'one of ' : ''}${options.join(', ')}`;
  if (came === undefined) return `is missing: ${expected}`;
  return `${expected}${got}${typeof came === 'string' ? didYouMean(came, options) : ''}`;
}

type Range = Extract<Issue, { code: 'too_small' | 'too_big' }>;

/** Whether a value has the size that is limited: zod also measures an object with a length as if it were a text. */
function isMeasured({ origin }: Range, came: unknown): boolean {
  if (origin === 'string') return typeof came === 'string';
  return origin === 'array' ? Array.isArray(came) : typeof came === 'number';
}

function outOfRange(issue: Range, kind: string, got: string): string {
  const isLow = issue.code === 'too_small';
  const limit = isLow ? issue.minimum : issue.maximum;
  if (issue.origin === 'string' || issue.origin === 'array') {
    if (isLow && limit === 1) return 'is empty';
    return `expected at ${isLow ? 'least' : 'most'} ${limit} ${issue.origin === 'string' ? 'characters' : 'entries'}`;
  }
  if (!issue.inclusive) return `expected ${kind} ${isLow ? 'above' : 'below'} ${limit}${got}`;
  return `expected ${kind} ${isLow ? `from ${limit} on` : `up to ${limit}`}${got}`;
}

/** `a whole number`, `true or false`, `a list of text`. */
function kindOf(schema: z.ZodType, written: Written): string {
  const core = coreOf(schema);
  const kinds = core instanceof z.ZodUnion ? core.options.map((option) => kindOf(option as z.ZodType, written)) : [];
  const kind =
    kinds.length > 0 && !(core instanceof z.ZodDiscriminatedUnion) ? joined(kinds, 'or') : kindOfCore(core, written);
  return isNullable(schema) ? `${kind} or null` : kind;
}

function kindOfCore(core: z.ZodType, written: Written): string {
  if (core instanceof z.ZodNumber) return core.format?.includes('int') ? 'a whole number' : 'a number';
  if (core instanceof z.ZodString) return 'text';
  if (core instanceof z.ZodBoolean) return 'true or false';
  if (core instanceof z.ZodEnum) return `one of ${core.options.join(', ')}`;
  if (core instanceof z.ZodArray) {
    const item = coreOf(core.element as z.ZodType);
    if (item instanceof z.ZodEnum) return `a list of ${item.options.join(', ')}`;
    return item instanceof z.ZodString ? 'a list of text' : 'a list';
  }
  return written === 'yaml' ? 'a mapping of names and values' : 'an object';
}

function unitOf(schema: z.ZodType): string {
  const { unit } = metaOf(schema);
  return unit ? ` (${unit})` : '';
}

function exampleOf(schema: z.ZodType): string {
  const value = defaultOf(schema);
  if (Array.isArray(value)) return value.length > 0 ? `, such as [${value.join(', ')}]` : '';
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? `, such as ${value}` : '';
}

/** Whether settings stand below it: a text in its place may be anything, such as the secret address of a webhook. */
export function holdsOthers(core: z.ZodType): boolean {
  if (core instanceof z.ZodArray) return holdsOthers(coreOf(core.element as z.ZodType));
  return core instanceof z.ZodObject || core instanceof z.ZodRecord || core instanceof z.ZodDiscriminatedUnion;
}

/** What other tools, and YAML of old, take for true and false. */
const MEANT: Readonly<Record<string, boolean>> = { yes: true, on: true, y: true, no: false, off: false, n: false };

/** A word as it is written in a list. */
const inYaml = (word: string) => (/^[\w./=-]+$/.test(word) ? word : JSON.stringify(word));

/** What to write instead, where that follows from what was written. */
function hintOf(schema: z.ZodType, came: unknown, written: Written): string {
  const core = coreOf(schema);
  if (came === null) return `; leave the ${written === 'yaml' ? 'line' : 'field'} out for the default`;
  if (core instanceof z.ZodString && typeof came !== 'object') return `; put it in quotes: "${came}"`;
  if (typeof came !== 'string') return '';
  if (holdsOthers(core)) return '';
  if (core instanceof z.ZodArray && written === 'yaml') {
    return `; write [${came.trim().split(/\s+/).map(inYaml).join(', ')}]`;
  }
  if (core instanceof z.ZodBoolean && Object.hasOwn(MEANT, came.toLowerCase())) {
    return `; write ${MEANT[came.toLowerCase()]}`;
  }
  if (!(core instanceof z.ZodNumber)) return '';
  if (written === 'json' && /^-?\d+(\.\d+)?$/.test(came)) return `; write it without quotes: ${came}`;
  return /^\d/.test(came) ? '; write the number alone' : '';
}

function shown(came: unknown, written: Written, core: z.ZodType): string {
  if (came === null) return written === 'yaml' ? 'nothing' : 'null';
  if (Array.isArray(came)) return 'a list';
  if (isMapping(came)) return written === 'yaml' ? 'a mapping' : 'an object';
  if (typeof came === 'string' && holdsOthers(core)) return 'a text';
  if (typeof came === 'string') return `the text "${came.length > 60 ? `${came.slice(0, 59)}…` : came}"`;
  return typeof came === 'number' ? `the number ${came}` : String(came);
}
