import { MlflowError } from './errors.ts';

/**
 * A text as a value of MLflow's filter language, which knows both quotes and no escape.
 *
 * @throws {MlflowError} for a text with both kinds of quotes, which no filter can hold
 */
export function quoted(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new MlflowError(`MLflow cannot search for a text with both kinds of quotes: ${text}`, { retryable: false });
}

/** The condition that a tag has this value. */
export function tagIs(key: string, value: string): string {
  return `tags.\`${key}\` = ${quoted(value)}`;
}

/** The condition that a tag ends in this text, in which no % and _ may stand: they match anything. */
export function tagEndsIn(key: string, ending: string): string {
  return `tags.\`${key}\` LIKE ${quoted(`%${ending}`)}`;
}
