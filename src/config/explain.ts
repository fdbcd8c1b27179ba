import { z } from 'zod';
import { coreOf, defaultOf, descriptionOf, typeOf } from '../docs/describe.ts';
import { mayBeSecret, type Path, type Place, type Problem, pathText } from './problems.ts';
import { keysOf, schemaAt, valueAt } from './shape.ts';
import { didYouMean, inWords, quoted } from './suggest.ts';
import { isMapping } from './values.ts';

type Issue = z.core.$ZodIssue;

export interface Checked {
  schema: z.ZodType;
  /** The values as they were written. */
  settings: unknown;
  placeOf(path: Path, part?: 'key' | 'value'): Place;
  /** Where in the whole the values stand. */
  prefix?: Path;
  /** Where else a setting of this name stands: `trials` is `search.trials`. */
  elsewhere?: (key: string) => string[];
}

/** What zod found, in the words of somebody who writes `mediwatch.yaml`. */
export function explain(issues: readonly Issue[], checked: Checked): Problem[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, issue.path, checked));
    const nested = ofElements(issue, checked);
    if (nested) return explain(nested, checked);
    const isKey = issue.code === 'invalid_key';
    return [problemAt(issue.path, isKey ? 'key' : 'value', messageOf(issue, checked), checked)];
  });
}

function problemAt(path: Path, part: 'key' | 'value', message: string, { prefix = [], placeOf }: Checked): Problem {
  const whole = [...prefix, ...path];
  return { ...placeOf(whole, part), path: pathText(whole), message };
}

function unknownKey(key: string, path: Path, checked: Checked): Problem {
  const { schema, settings, elsewhere } = checked;
  const around = schemaAt(schema, settings, path);
  const known = keysOf(around && coreOf(around));
  const there = valueAt(settings, path);
  const absent = known.filter((name) => !(isMapping(there) && Object.hasOwn(there, name)));
  const others = elsewhere?.(key) ?? [];
  const meant =
    didYouMean(key, absent) ||
    didYouMean(key, known) ||
    (others.length > 0 ? `; did you mean ${quoted(others, 'or')}?` : '') ||
    (absent.length > 0 ? `; known here: ${absent.join(', ')}` : '');
  return problemAt([...path, key], 'key', `unknown setting${meant}`, checked);
}

/** A list was given where a list or its text is taken: what is wrong with its elements. */
function ofElements(issue: Issue, { settings }: Checked): Issue[] | undefined {
  if (issue.code !== 'invalid_union' || !Array.isArray(valueAt(settings, issue.path))) return undefined;
  const elements = issue.errors.find((errors) => errors.every(({ path }) => path.length > 0));
  return elements?.map((error) => ({ ...error, path: [...issue.path, ...error.path] }) as Issue);
}

function messageOf(issue: Issue, checked: Checked): string {
  const { schema: root, settings } = checked;
  const schema = schemaAt(root, settings, issue.path);
  const came = valueAt(settings, issue.path);
  if (issue.code === 'custom' || issue.code === 'invalid_format') return lower(issue.message);
  if (issue.code === 'invalid_key') return lower(issue.issues[0]?.message ?? issue.message);
  if (issue.code === 'invalid_union' && issue.discriminator) {
    const alternatives = coreOf(schemaAt(root, settings, issue.path.slice(0, -1)) as z.ZodType) as z.ZodUnion;
    const kinds = alternatives.options.flatMap((option) =>
      [...((option as z.ZodObject).shape[issue.discriminator as string] as z.ZodLiteral).values].map(String),
    );
    return expectedOneOf(kinds, came);
  }
  if (!schema) return lower(issue.message);
  if (issue.code === 'too_small' || issue.code === 'too_big') return outOfRange(issue, schema, came);
  const core = coreOf(schema);
  if (core instanceof z.ZodEnum) return expectedOneOf(core.options.map(String), came);
  if (came === undefined) return `is missing: expected ${kindOf(schema)}`;
  if (mayBeSecret(issue.path)) return `expected ${kindOf(schema)}; put it in quotes, or better into a variable`;
  const hint = hintOf(typeOf(schema), came);
  return `expected ${kindOf(schema)}${exampleOf(schema)}; got ${inPlainWords(came)}${hint}`;
}

function expectedOneOf(options: string[], came: unknown): string {
  const expected = `expected ${options.length > 1 ? `one of ${options.join(', ')}` : options}`;
  if (came === undefined) return `is missing: ${expected}`;
  return `${expected}; got ${inPlainWords(came)}${typeof came === 'string' ? didYouMean(came, options) : ''}`;
}

function outOfRange(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  schema: z.ZodType,
  came: unknown,
): string {
  if (issue.origin === 'string' || issue.origin === 'array') {
    if (issue.code === 'too_small' && issue.minimum === 1) return 'is empty';
    const [link, limit] = issue.code === 'too_small' ? ['at least', issue.minimum] : ['at most', issue.maximum];
    return `expected ${link} ${limit} ${issue.origin === 'string' ? 'characters' : 'entries'}`;
  }
  const [limit, inclusive, exclusive] =
    issue.code === 'too_small' ? [issue.minimum, 'from', 'above'] : [issue.maximum, 'up to', 'below'];
  const bound = `${issue.inclusive ? inclusive : exclusive} ${limit}`;
  return `expected ${kindOf(schema)} ${bound}${issue.code === 'too_small' && issue.inclusive ? ' on' : ''}; got ${came}`;
}

/** `a whole number`, `a number of seconds`, `text`, `a list of text`. */
function kindOf(schema: z.ZodType): string {
  const type = typeOf(schema);
  const unit = /\((seconds|hours|days|MiB|KiB|GiB)\)$/.exec(descriptionOf(schema))?.[1];
  if (type === 'number' || type === 'whole number') return `a ${type}${unit ? ` (${unit})` : ''}`;
  if (type === 'object') return 'a mapping of names and values';
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
function hintOf(type: string, came: unknown): string {
  if (came === null) return '; leave the line out for the default';
  if (type.startsWith('text') && (typeof came === 'number' || typeof came === 'boolean')) {
    return `; put it in quotes: "${came}"`;
  }
  if (type === 'list of text' && typeof came === 'string') {
    return `; write [${came.trim().split(/\s+/).map(inYaml).join(', ')}]`;
  }
  if (type === 'true | false' && typeof came === 'string' && came.toLowerCase() in MEANT) {
    return `; write ${MEANT[came.toLowerCase()]}`;
  }
  if (type === 'number' && typeof came === 'string' && /^\d/.test(came)) return '; write the number alone';
  return '';
}

function inPlainWords(came: unknown): string {
  if (came === null) return 'nothing';
  if (Array.isArray(came)) return 'a list';
  if (isMapping(came)) return 'a mapping';
  if (typeof came === 'string') return `the text "${came.length > 60 ? `${came.slice(0, 59)}…` : came}"`;
  return typeof came === 'number' ? `the number ${came}` : String(came);
}

/** Messages of schemas begin like sentences; here they stand behind a colon. */
const lower = (message: string) => message.charAt(0).toLowerCase() + message.slice(1);
