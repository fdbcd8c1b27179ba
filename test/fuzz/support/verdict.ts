import { expect } from 'vitest';
import type { z } from 'zod';
import { FAILURES } from '../../../src/contracts/errors.ts';
import { payloadConverter, Undecodable } from '../../../src/contracts/payloads.ts';
import { tooLarge } from '../../../src/contracts/text.ts';
import type { Ending } from './bench.ts';
import type { RawPayload } from './cases.ts';

interface Contract {
  input: z.ZodType;
  result: z.ZodType;
}

/** The fields that are wrong in an input, as the workflow's own schema has it; null: none is. */
export function wrongFields(input: z.ZodType, value: unknown): string[] | null {
  if (value instanceof Undecodable || tooLarge(value)) return [];
  const parsed = input.safeParse(value === undefined || value === null || value === '' ? {} : value);
  if (parsed.success) return null;
  // More are not told: whoever corrects these sees what is left.
  const fields = parsed.error.issues.slice(0, 20).flatMap((issue) => {
    if (issue.path.length > 0) return [String(issue.path[0])];
    return issue.code === 'unrecognized_keys' ? issue.keys : [];
  });
  return [...new Set(fields)];
}

/** The first argument, as the workflow reads it. */
export function firstOf([payload]: RawPayload[]): unknown {
  return payload && payloadConverter.fromPayload(payload);
}

/** A run ends with a result of its contract, or refuses with a reason: wrong fields are named, and an input that works shown. */
export function expectClearEnding(ending: Ending, payloads: RawPayload[], { input, result }: Contract): void {
  const wrong = wrongFields(input, firstOf(payloads));
  if (ending.kind === 'completed') {
    expect(wrong, 'it ran with an input that its schema refuses').toBeNull();
    const parsed = result.safeParse(ending.result ?? null);
    expect(parsed.error?.issues, `its result: ${JSON.stringify(ending.result)}`).toBeUndefined();
    return;
  }
  expect(ending.kind).toBe('failed');
  const { type = '', message = '' } = ending.failure ?? {};
  expect(Object.keys(FAILURES), message).toContain(type);
  expect(message.length).toBeGreaterThan(20);
  expect(message.isWellFormed()).toBe(true);
  if (wrong === null) return;
  expect(type).toBe('InvalidInput');
  expectRefusal(message, wrong);
}

/** It names every wrong field and shows an input that works. */
export function expectRefusal(message: string, wrong: string[]): void {
  expect(message).toContain('An input that works');
  for (const field of wrong.filter(readable).slice(0, 10)) expect(message, 'each is named').toContain(field);
}

/** Names that stand in a message as they are. */
const readable = (name: string) => /^[\w-]{1,50}$/.test(name);
