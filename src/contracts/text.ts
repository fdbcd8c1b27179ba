import { z } from 'zod';

/*
 * Texts that people and other systems send. Half of a surrogate pair is refused or replaced wherever it may become part
 * of a workflow id or of a failure's message: those are UTF-8 on the wire, and a worker that sends half a character there
 * stops for good.
 */

/** Neither control characters nor halves of surrogate pairs. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]*$/u;
/** What MLflow takes, which keeps 256 characters; the ids of locks and stewards end with it. */
const MODEL_NAME = /^(?!\s*$)(?!\.{1,2}$)[^\p{Cc}\p{Cs}/:]+$/u;

/** Name of a registered model. */
export const ModelName = z
  .string()
  .min(1)
  .max(256)
  .regex(MODEL_NAME, 'Expected the name of a registered model, without "/", ":" and control characters');

/** Number of a model version, as MLflow counts them. */
export const VersionNumber = z.string().regex(/^[1-9]\d{0,9}$/, 'Expected a version number in quotes, such as "3"');

/** A path, a glob or an address. */
export const Location = z.string().min(1).max(2_000).regex(PRINTABLE, 'Expected a path without control characters');

/** A location that may be left empty. */
export const OptionalLocation = z.string().max(2_000).regex(PRINTABLE, 'Expected a path without control characters');

/** An id of another system, such as that of an MLflow run. */
export const ForeignId = z.string().max(1_000).regex(PRINTABLE, 'Expected an id without control characters');

/** Words of a person. What cannot be stored or sent as it is becomes a replacement character. */
export const words = (max: number) => z.string().max(max).overwrite(storable);

/** A name or an id as a file name: ids may hold slashes and anything else. */
export const fileName = (text: string): string => text.replace(/[^\w.-]+/g, '_');

/** Bytes of a text in UTF-8, in which Temporal counts. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Temporal refuses summaries of more bytes than this, and with them the workflow task, forever. */
const SUMMARY_BYTES = 200;

/** A line for the UI that says what an activity, a timer or a workflow does; a longer one is cut. */
export function shorten(text: string): string {
  const line = oneLine(text);
  if (fits(line)) return line;
  let kept = '';
  for (const character of line) {
    if (!fits(`${kept}${character}…`)) break;
    kept += character;
  }
  return `${kept}…`;
}

/** It travels as JSON, where a quotation mark takes two bytes. */
const fits = (text: string) => utf8Length(JSON.stringify(text)) <= SUMMARY_BYTES;

/** A text with every run of white space as one space. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** A text that every database and protocol takes. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** Longest message that is kept: Temporal refuses payloads over 2 MB, and people read less. */
const MESSAGE_LIMIT = 4_000;

const CUT = ' … ';
const BOUNDARY = /\n|[.!?…;](?= )/g;

/**
 * Keeps the beginning and the end of a long text, cut at the end of a line or sentence where one is near. The last line,
 * where an exception stands, stays whole if it fits. No half of a surrogate pair is left.
 */
export function truncate(text: string, limit = MESSAGE_LIMIT): string {
  if (text.length <= limit) return text.toWellFormed();
  const room = Math.max(0, limit - CUT.length);
  const lastLine = text.length - 1 - text.trimEnd().lastIndexOf('\n');
  const keepsLine = lastLine <= room;
  const tailLength = Math.max(keepsLine ? lastLine : 0, Math.ceil(room / 2));
  const head = text.slice(0, room - tailLength);
  const tail = text.slice(text.length - tailLength);
  const from = startIn(tail, Math.min(tailLength / 2, keepsLine ? tailLength - lastLine : tailLength));
  return `${head.slice(0, endIn(head))}${CUT}${tail.slice(from)}`.toWellFormed();
}

/** Where the last line or sentence of a text ends, unless that is in its first half. */
function endIn(head: string): number {
  const ends = [...head.matchAll(BOUNDARY)].map(({ index, 0: mark }) => index + mark.length);
  const last = ends.at(-1) ?? 0;
  return last >= head.length / 2 ? last : head.length;
}

/** Where the first line or sentence of a text begins, unless that is behind the limit. */
function startIn(tail: string, limit: number): number {
  const { value } = tail.matchAll(BOUNDARY).next();
  const start = value ? value.index + value[0].length : 0;
  return start <= limit ? start : 0;
}

/** What a text of JSON says; undefined for one that is none, such as a tag that somebody else wrote. */
export function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const STRING_OR_NUMBER_OF_PYTHON = /"(?:[^"\\]|\\[\s\S])*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * Reads JSON as Python writes it: a byte order mark is skipped; NaN and infinite numbers, which JSON does not have, become
 * Infinity.
 *
 * @throws {SyntaxError} when it is none
 */
export function readPythonJson(text: string): unknown {
  const json = text.replace(/^\ufeff/, '');
  return JSON.parse(json.replace(STRING_OR_NUMBER_OF_PYTHON, (found) => (found.startsWith('"') ? found : '1e999')));
}

/**
 * Values and characters that are read; more is refused before anything looks at each of them. A text of this length is
 * 1.5 MB at most, so what is handed on still fits a payload.
 */
const MOST_VALUES = 50_000;
const MOST_CHARACTERS = 500_000;

/**
 * Says in words that a value is too large to be looked at; null: it is not. Two megabytes hold a million values: a
 * schema that finds fault with each of them takes longer than a workflow task may, each time that it is tried.
 */
export function tooLarge(value: unknown): string | null {
  let values = 0;
  let characters = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    values += 1;
    if (typeof next === 'string') characters += next.length;
    else if (Array.isArray(next)) {
      if (values + open.length + next.length > MOST_VALUES) return MANY;
      for (const element of next) open.push(element);
    } else if (typeof next === 'object' && next !== null) {
      for (const key in next) {
        characters += key.length;
        open.push((next as Record<string, unknown>)[key]);
        if (values + open.length > MOST_VALUES) return MANY;
      }
    }
    if (characters > MOST_CHARACTERS) return LONG;
  }
  return null;
}

const MANY = `it holds more than ${MOST_VALUES.toLocaleString('en')} values`;
const LONG = `it holds more than ${MOST_CHARACTERS.toLocaleString('en')} characters`;
