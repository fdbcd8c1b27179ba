import type { z } from 'zod';
import { Undecodable } from '../../contracts/payloads.ts';
import { tooLarge } from '../../contracts/size.ts';
import { DriftAlert, Steering } from '../../contracts/steward.ts';

/**
 * Reads the alerts from whatever was sent. One that is malformed counts too, so that none is forgotten; its reason says
 * that it could not be read, and what it held.
 */
export function readAlerts(input: unknown): DriftAlert[] {
  if (!Array.isArray(input) || input.length === 0) return [readAlert(input)];
  const alerts = input.slice(0, LONGEST_LIST).map(readAlert);
  const others = input.length - alerts.length;
  if (others === 0) return alerts;
  return [...alerts, { source: 'signal', reason: `${others} more alerts of one signal, which were not read` }];
}

/**
 * What is longer than this counts as one alert from there on. We send 100 in a signal; two megabytes hold a million, and
 * a workflow task that takes 5 s fails, each time that it is tried: the steward would never do anything again.
 */
const LONGEST_LIST = 1_000;

function readAlert(input: unknown): DriftAlert {
  const parsed = parse(DriftAlert, input);
  if (parsed) return parsed;
  const key = DriftAlert.shape.key.safeParse((input as { key?: unknown }).key).data;
  return { source: 'signal', reason: unreadable('This alert', input), ...(key !== undefined && { key }) };
}

/** Reads who steers, and why. What is malformed steers too: who pauses in a hurry must not be ignored. */
export function readSteering(input: unknown): Steering {
  return parse(Steering, input) ?? { ...Steering.parse({}), reason: unreadable('The reason', input) };
}

/** Nothing at all is an empty object. */
function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> | undefined {
  if (input instanceof Undecodable) return undefined;
  return schema.safeParse(input === undefined || input === null || input === '' ? {} : input).data;
}

function unreadable(what: string, input: unknown): string {
  const held = input instanceof Undecodable ? `it is not JSON: ${input.problem}` : (tooLarge(input) ?? text(input));
  return `${what} could not be read: ${held}`.slice(0, 500);
}

/** JSON may be nested deeper than it can be written again. */
function text(input: unknown): string {
  try {
    return JSON.stringify(input);
  } catch {
    return 'it is nested too deeply';
  }
}
