import { Undecodable } from '../../contracts/payloads.ts';
import { DriftAlert, Steering } from '../../contracts/steward.ts';

/**
 * Reads an alert from whatever was sent. One that is malformed counts too, so that none is forgotten; its reason says
 * that it could not be read, and what it held.
 */
export function readAlert(input: unknown): DriftAlert {
  const parsed = DriftAlert.safeParse(isNothing(input) ? {} : input);
  if (parsed.success) return parsed.data;
  const key = DriftAlert.shape.key.safeParse((input as { key?: unknown }).key).data;
  return { source: 'signal', reason: unreadable('This alert', input), ...(key !== undefined && { key }) };
}

/** Reads who steers, and why. What is malformed steers too: who pauses in a hurry must not be ignored. */
export function readSteering(input: unknown): Steering {
  const parsed = Steering.safeParse(isNothing(input) ? {} : input);
  return parsed.success ? parsed.data : { ...Steering.parse({}), reason: unreadable('The reason', input) };
}

const isNothing = (input: unknown) => input === undefined || input === null || input === '';

function unreadable(what: string, input: unknown): string {
  const held = input instanceof Undecodable ? `it is not JSON: ${input.problem}` : JSON.stringify(input);
  return `${what} could not be read: ${held}`.slice(0, 500);
}
