import { isMapping } from '../contracts/schemas.ts';

/** Stands where a secret stood. */
const HIDDEN = '***';

/** Hiding less than this would eat words and numbers (characters). */
const SHORTEST_HIDDEN = 4;

/** Takes secrets out of texts, in every form in which they travel. */
export interface Redactor {
  /** Out of words for people. */
  text(text: string): string;
  /** Out of every text of a value that programs read: of secrets that might be a name there, it keeps those. */
  data<Value>(value: Value): Value;
}

/**
 * @param secrets values; those below four characters are left
 * @param patterns of what else is hidden
 */
export function createRedactor(secrets: Iterable<string>, patterns: readonly RegExp[] = []): Redactor {
  const values = [...new Set(secrets)]
    .filter((secret) => secret.length >= SHORTEST_HIDDEN)
    .toSorted((a, b) => b.length - a.length);
  const hiding = (hidden: readonly string[]) => {
    const known = hidden.length > 0 ? [new RegExp(hidden.flatMap(formsOf).join('|'), 'g')] : [];
    const rest = patterns.map((pattern) => new RegExp(pattern.source, [...new Set(`${pattern.flags}g`)].join('')));
    return (text: string) => {
      const shown = [...known, ...rest].reduce((left, pattern) => left.replace(pattern, HIDDEN), text);
      return SHAPES.reduce((left, shape) => left.replace(shape, `$<before>${HIDDEN}`), shown);
    };
  };
  const inData = hiding(values.filter((value) => !isGuessable(value)));
  return { text: hiding(values), data: (value) => inTexts(value, inData) };
}

/** Whether a secret could be a word or a name: shorter than 16 characters, and short or of one kind of them. */
export function isGuessable(secret: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(secret)).length;
  return secret.length < 8 || (secret.length < 16 && kinds < 2);
}

/** What is a secret by what stands before it: in addresses, arguments, assignments and headers. */
const SHAPES: readonly RegExp[] = [
  /(?<before>\b[a-z][a-z\d+.-]*:\/\/)(?:[^\s/?#@:]*:[^\s/?#]*|[^\s/?#@:]{20,})(?=@)/gi,
  /(?<before>[?&;#][\w.-]*(?:secret|token|password|passwd|pwd|api[-_]?key|access[-_]?key|signature|sig)=)[^\s&#"'<>\\]+/gi,
  /(?<before>(?:^|[\s"'[,])--?[\w-]*(?:secret|token|password|passwd|api-?key)(?:=|["']?[,\s]\s*["']?))(?!-)[^\s"',\]]+/gi,
  /(?<before>\b\w*(?:SECRET|TOKEN|PASSWORD|PASSWD|API_KEY|ACCESS_KEY|SECRET_KEY)=)[^\s"']+/g,
  /(?<before>\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+)[^\s"',]+/gi,
];

/** Goes through all texts of a value; what has none that changes is given back as it is. */
function inTexts<Value>(value: Value, change: (text: string) => string): Value {
  const visit = (here: unknown): unknown => {
    if (typeof here === 'string') return change(here);
    if (Array.isArray(here)) {
      const items = here.map(visit);
      return items.some((item, index) => item !== here[index]) ? items : here;
    }
    const isPlain = isMapping(here) && [Object.prototype, null].includes(Object.getPrototypeOf(here));
    if (!isPlain) return here;
    const entries = Object.entries(here).map(([key, item]): [string, unknown] => [change(key), visit(item)]);
    return entries.some(([key, item]) => !Object.hasOwn(here, key) || here[key] !== item)
      ? Object.fromEntries(entries)
      : here;
  };
  return visit(value) as Value;
}

/** Patterns of a secret as it is, as it is encoded in addresses, JSON, HTML and shells, and in base64. */
function formsOf(secret: string): string[] {
  return [encoded(secret), ...base64Of(secret)];
}

/** Each character as any encoder may write it, so that a text that went through several of them is found as well. */
function encoded(secret: string): string {
  const characters = secret.replace(/\\+/g, '\\');
  return Array.from(characters, formOf).join('');
}

function formOf(character: string): string {
  // No encoder touches these.
  if (/[a-zA-Z\d]/.test(character)) return character;
  if (character === '\\') return '(?:\\\\+|%(?:25)*5[cC]|\\\\+u005[cC])';
  const bytes = [...Buffer.from(character)].map((byte) => `%(?:25)*${hex(byte, 2)}`).join('');
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  const literal = units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  const escaped = units.map((unit) => `\\\\+u${hex(unit, 4)}`).join('');
  const code = character.codePointAt(0) ?? 0;
  const named = Object.hasOwn(NAMED, character) ? `${NAMED[character]}|` : '';
  return `(?:${named}\\\\*${literal}|${bytes}|${escaped}|&#0*${code};|&#[xX]0*${hex(code, 1)};)`;
}

const NAMED: Readonly<Record<string, string>> = {
  ' ': '\\+',
  '\n': '\\\\+n',
  '\r': '\\\\+r',
  '\t': '\\\\+t',
  '\b': '\\\\+b',
  '\f': '\\\\+f',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Shells end a text in quotes before a quote, and begin another one after it.
  "'": "'\\\\+''",
};

/** A number in hexadecimal, in capitals or not. */
function hex(value: number, digits: number): string {
  const text = value.toString(16).padStart(digits, '0');
  return text.replace(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

/**
 * The characters in base64 that the secret alone determines, wherever it begins: `user:password` of a header, or a
 * token that holds it.
 */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].map((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const own = all.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return own.replaceAll(/[+/]/g, (sign) => (sign === '+' ? '(?:\\+|-|%2[bB])' : '(?:\\\\*/|_|%2[fF])'));
  });
}

/** What this process has read, and what it is to hide besides. */
const known = new Set<string>();
let patterns: readonly RegExp[] = [];
let current: Redactor | undefined;

/** From now on this process shows them nowhere. */
export function rememberSecrets(secrets: Iterable<string>): void {
  for (const secret of secrets) known.add(secret);
  current = undefined;
}

/** @param more regular expressions, from the settings */
export function hidePatterns(more: readonly string[]): void {
  patterns = more.map((pattern) => new RegExp(pattern));
  current = undefined;
}

function redactor(): Redactor {
  current ??= createRedactor(known, patterns);
  return current;
}

/** Words for people without any secret that this process knows. */
export function redact(text: string): string {
  return redactor().text(text);
}

/** A value for programs without any secret that this process knows, unless it might be a name there. */
export function redactData<Value>(value: Value): Value {
  return redactor().data(value);
}

/** A value whose texts are for people, such as a document of JSON or a line of a log. */
export function redactTexts<Value>(value: Value): Value {
  return inTexts(value, redact);
}
