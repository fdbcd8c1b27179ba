import { z } from 'zod';
import { coreOf, defaultOf, descriptionOf, typeOf } from '../contracts/schemas/describe.ts';
import { isMapping, keysOf, type Path, pathText, schemaAt, valueAt } from '../contracts/schemas/shape.ts';
import { uncapitalised } from './numbers.ts';
import { didYouMean, inWords, quoted } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** How the values are written, which decides what things are called. */
type Written = 'yaml' | 'json';

export interface Checked {
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
export interface WrongField {
  path: Path;
  /** Whether its name is wrong, or what it holds. */
  part: 'key' | 'value';
  /** What is wrong with it, what was expected, and what was meant; it stands behind a colon. */
  message: string;
}

/** What zod found, in the words of somebody who wrote the values: the one place that words it. */
export function wrongFields(issues: readonly Issue[], checked: Checked): WrongField[] {
  const fields = issues.flatMap((issue): WrongField[] => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, issue.path, checked));
    const nested = ofElements(issue, checked);
    if (nested) return wrongFields(nested, checked);
    const part = issue.code === 'invalid_key' ? 'key' : 'value';
    return [{ path: issue.path, part, message: messageOf(issue, checked) }];
  });
  return checked.written === 'json' ? oneEach(fields) : fields;
}

/** `trials: expected a whole number from 0 on; got the number -1`: what is wrong with JSON, a text for each field. */
export function wrongInWords(issues: readonly Issue[], schema: z.ZodType, value: unknown, whole = 'input'): string[] {
  return wrongFields(issues, { schema, value, written: 'json' }).map(
    ({ path, message }) => `${pathText(path) || whole}: ${message}`,
  );
}

/** A number that is no safe integer is beyond a limit of its own too: of several faults of a value the last is told. */
function oneEach(fields: WrongField[]): WrongField[] {
  return [...new Map(fields.map((field) => [pathText(field.path), field])).values()];
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

/** A list was given where a list or its text is taken: what is wrong with its elements. */
function ofElements(issue: Issue, { value }: Checked): Issue[] | undefined {
  if (issue.code !== 'invalid_union' || !Array.isArray(valueAt(value, issue.path))) return undefined;
  const elements = issue.errors.find((errors) => errors.every(({ path }) => path.length > 0));
  return elements?.map((error) => ({ ...error, path: [...issue.path, ...error.path] }) as Issue);
}

function messageOf(issue: Issue, { schema: root, value, written, isSecret }: Checked): string {
  const schema = schemaAt(root, value, issue.path);
  const came = valueAt(value, issue.path);
  if (issue.code === 'custom') return uncapitalised(issue.message);
  if (issue.code === 'invalid_format')
    return written === 'yaml'
      ? uncapitalised(issue.message)
      : `${uncapitalised(issue.message)}; got ${inPlainWords(came, written)}`;
  if (issue.code === 'invalid_key') return uncapitalised(issue.issues[0]?.message ?? issue.message);
  if (issue.code === 'invalid_union' && issue.discriminator) {
    const alternatives = coreOf(schemaAt(root, value, issue.path.slice(0, -1)) as z.ZodType) as z.ZodUnion;
    const kinds = alternatives.options.flatMap((option) =>
      [...((option as z.ZodObject).shape[issue.discriminator as string] as z.ZodLiteral).values].map(String),
    );
    return expectedOneOf(kinds, came, written);
  }
  if (!schema) return uncapitalised(issue.message);
  const core = coreOf(schema);
  const sized = issue.code === 'too_small' || issue.code === 'too_big';
  if (sized && isMeasured(core, came)) return outOfRange(issue, schema, came, written);
  if (core instanceof z.ZodEnum) return expectedOneOf(core.options.map(String), came, written);
  const kind = kindOf(schema, written);
  if (came === undefined) return `is missing: expected ${kind}`;
  if (isSecret?.(issue.path)) return `expected ${kind}; put it in quotes, or better into a variable`;
  const hint = hintOf(typeOf(schema), came, written);
  return `expected ${kind}${exampleOf(schema)}; got ${inPlainWords(came, written)}${hint}`;
}

/** Whether a value has the size that its schema limits: zod also measures lists, and objects with a length, as texts. */
function isMeasured(core: z.ZodType, came: unknown): boolean {
  if (core instanceof z.ZodString) return typeof came === 'string';
  return typeof came !== 'object' || Array.isArray(came);
}

function expectedOneOf(options: string[], came: unknown, written: Written): string {
  const expected = `expected ${options.length > 1 ? `one of ${options.join(', ')}` : options}`;
  if (came === undefined) return `is missing: ${expected}`;
  return `${expected}; got ${inPlainWords(came, written)}${typeof came === 'string' ? didYouMean(came, options) : ''}`;
}

function outOfRange(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  schema: z.ZodType,
  came: unknown,
  written: Written,
): string {
  if (issue.origin === 'string' || issue.origin === 'array') {
    if (issue.code === 'too_small' && issue.minimum === 1) return 'is empty';
    const [link, limit] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
    return `expected ${link} ${limit} ${issue.origin === 'string' ? 'characters' : 'entries'}`;
  }
  const [limit, inclusive, exclusive] =
    issue.code === 'too_small' ? [issue.minimum, 'from', 'above'] : [issue.maximum, 'up to', 'below'];
  const bound = `${issue.inclusive ? inclusive : exclusive} ${limit}`;
  return `expected ${kindOf(schema, written)} ${bound}${issue.code === 'too_small' && issue.inclusive ? ' on' : ''}; got ${came}`;
}

/** `a whole number`, `a number of seconds`, `text`, `a list of text`. */
function kindOf(schema: z.ZodType, written: Written): string {
  const type = typeOf(schema);
  const unit = /\((seconds|hours|days|MiB|KiB|GiB)\)$/.exec(descriptionOf(schema))?.[1];
  if (type === 'number' || type === 'whole number') return `a ${type}${unit ? ` (${unit})` : ''}`;
  if (type === 'object') return written === 'yaml' ? 'a mapping of names and values' : 'an object';
  if (type === 'true | false') return 'true or false';
  if (type.includes(' | ') && !type.startsWith('list')) return inWords(type.split(' | '), 'or');
  return type.startsWith('list of ') ? `a ${type.replaceAll(' | ', ', ').replace(/object$/, 'mappings')}` : type;
}

function exampleOf(schema: z.ZodType): string {
  const value = defaultOf(schema);
  if (value === undefined || value === '' || typeof value === 'boolean') return '';
  if (Array.isArray(value)) return value.length > 0 ? `, such as [${value.join(', ')}]` : '';
  return typeof value === 'object' ? '' : `, such as ${value}`;
}

/** What other tools, and YAML of old, take for true and false. */
const MEANT: Readonly<Record<string, boolean>> = { yes: true, on: true, y: true, no: false, off: false, n: false };

/** A word as it is written in a list. */
const inYaml = (word: string) => (/^[\w./=-]+$/.test(word) ? word : JSON.stringify(word));

/** What to write instead, where that can be told from what was written. */
function hintOf(type: string, came: unknown, written: Written): string {
  if (came === null) return `; leave the ${written === 'yaml' ? 'line' : 'field'} out for the default`;
  if (type.startsWith('text') && (typeof came === 'number' || typeof came === 'boolean')) {
    return `; put it in quotes: "${came}"`;
  }
  if (type === 'list of text' && typeof came === 'string' && written === 'yaml') {
    return `; write [${came.trim().split(/\s+/).map(inYaml).join(', ')}]`;
  }
  if (type === 'true | false' && typeof came === 'string' && Object.hasOwn(MEANT, came.toLowerCase())) {
    return `; write ${MEANT[came.toLowerCase()]}`;
  }
  if (written === 'json' && type.endsWith('number') && typeof came === 'string' && /^-?\d+(\.\d+)?$/.test(came)) {
    return `; write it without quotes: ${came}`;
  }
  if (type === 'number' && typeof came === 'string' && /^\d/.test(came)) return '; write the number alone';
  return '';
}

function inPlainWords(came: unknown, written: Written): string {
  if (came === null) return written === 'yaml' ? 'nothing' : 'null';
  if (Array.isArray(came)) return 'a list';
  if (isMapping(came)) return written === 'yaml' ? 'a mapping' : 'an object';
  if (typeof came === 'string') return `the text "${came.length > 60 ? `${came.slice(0, 59)}…` : came}"`;
  return typeof came === 'number' ? `the number ${came}` : String(came);
}

/** Messages of schemas begin like sentences; here they stand behind a colon. */
