import fc from 'fast-check';
import type { z } from 'zod';
import { arbitraryOf, type Overrides } from './zodArbitrary.ts';

/** A payload as a client of Temporal sends it. */
export interface RawPayload {
  metadata: Record<string, Uint8Array>;
  data: Uint8Array;
}

/** What somebody starts a workflow, or sends a message, with. */
export interface Case {
  /** How it was made, in a few words. */
  kind: string;
  payloads: RawPayload[];
}

const bytes = (text: string) => Buffer.from(text);
export const payload = (encoding: string, data: Uint8Array | string): RawPayload => ({
  metadata: { encoding: bytes(encoding) },
  data: typeof data === 'string' ? bytes(data) : data,
});
export const json = (value: unknown): RawPayload => payload('json/plain', JSON.stringify(value) ?? 'null');

/** Keys that every object has, or that mean something to JavaScript. */
const TRICKY_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'then', 'toJSON', '', ' ', '0', 'length'];
const TRICKY_TEXTS = [
  ...[
    '',
    ' ',
    'NaN',
    'Infinity',
    '-1',
    '0',
    '00',
    '1e999',
    'null',
    '[]',
    '{}',
    '"',
    "'",
    '\\',
    '\0',
    '\n',
    '|',
    '../..',
  ],
  ...['\ud800', 'a\udc00b', '\u202e', '😀'.repeat(100), '漢'.repeat(200), 'x'.repeat(300), '1'.repeat(5_000)],
  ...['__proto__', 'file:///etc/passwd', '<script>alert(1)</script>', '#{7*7}', '%00', 'models:/x/1'],
];

const hugeText = fc
  .tuple(fc.constantFrom('x', '漢', '😀', '\ud800', '"', '\\', '\n'), fc.integer({ min: 1_000, max: 30_000 }))
  .map(([unit, count]) => unit.repeat(count));
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(...TRICKY_TEXTS),
  // Halves of characters too.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 }).map((units) => String.fromCharCode(...units)),
);
const key = fc.oneof(fc.string(), fc.constantFrom(...TRICKY_KEYS));
const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, 5e-324),
);
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));

/** An object with keys such as `__proto__` as its own. */
const object = (value: fc.Arbitrary<unknown>) => fc.array(fc.tuple(key, value), { maxLength: 5 }).map(ownEntries);

/** JSON of every kind. */
const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: scalar, weight: 4 },
  { arbitrary: fc.jsonValue({ stringUnit: 'binary' }), weight: 3 },
  { arbitrary: object(fc.oneof(scalar, fc.jsonValue())), weight: 3 },
  { arbitrary: fc.array(scalar, { maxLength: 20 }), weight: 1 },
  { arbitrary: hugeText, weight: 1 },
);

/** JSON that JSON.stringify itself could not write: nested deeper than the stack is. */
const deepJson = fc
  .tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.constantFrom(100, 5_000, 50_000))
  .map(([[open, close], depth]) => `${open.repeat(depth)}1${close.repeat(depth)}`);

/** JSON with a great many elements, each of which is wrong in itself. */
const wideJson = fc
  .tuple(fc.constantFrom('{}', '1', '[]', '""', 'null'), fc.integer({ min: 1_000, max: 20_000 }))
  .map(([element, count]) => `[${new Array(count).fill(element).join(',')}]`);

const notJson = fc.oneof(
  fc.string({ unit: 'binary' }).map(bytes),
  fc.uint8Array({ maxLength: 200 }),
  fc
    .constantFrom('{trials: 3}', '{"trials": 3', "{'trials': 3}", 'NaN', '{"trials": NaN}', '\ufeff{}', '{}{}')
    .map(bytes),
);

const ENCODINGS = ['binary/null', 'binary/plain', 'json/protobuf', 'binary/protobuf', 'binary/encrypted', '', 'JSON'];
const otherEncoding = fc
  .tuple(fc.constantFrom(...ENCODINGS), fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.constant(bytes('{}'))))
  .map(([encoding, data]) => payload(encoding, data));
const withoutEncoding = fc.uint8Array({ maxLength: 50 }).map((data): RawPayload => ({ metadata: {}, data }));

/** Payloads that say nothing sensible, or nothing at all. */
export const anyPayload: fc.Arbitrary<RawPayload> = fc.oneof(
  { arbitrary: anyJson.map(json), weight: 8 },
  { arbitrary: fc.oneof(deepJson, wideJson).map((body) => payload('json/plain', body)), weight: 1 },
  { arbitrary: notJson.map((data) => payload('json/plain', data)), weight: 2 },
  { arbitrary: fc.oneof(otherEncoding, withoutEncoding), weight: 2 },
);

/** What a message to a running workflow, or a start, may carry besides what it should. */
export const anyPayloads: fc.Arbitrary<RawPayload[]> = fc.oneof(
  { arbitrary: anyPayload.map((only) => [only]), weight: 8 },
  { arbitrary: fc.array(anyPayload, { maxLength: 4 }), weight: 1 },
);

/**
 * Inputs of a workflow: nonsense, almost valid ones, and valid ones made from its schema, so that a new field is covered
 * by itself.
 */
export function inputsOf(schema: z.ZodObject, overrides: Overrides): fc.Arbitrary<Case> {
  const valid = arbitraryOf(schema, overrides) as fc.Arbitrary<Record<string, unknown>>;
  const almost = almostValid(valid, Object.keys(schema.shape));
  return fc.oneof(
    { arbitrary: anyPayloads.map((payloads) => ({ kind: 'anything', payloads })), weight: 10 },
    { arbitrary: almost.map((value) => ({ kind: 'almost valid', payloads: [json(value)] })), weight: 8 },
    { arbitrary: valid.map((value) => ({ kind: 'valid', payloads: [json(value)] })), weight: 1 },
    { arbitrary: several(valid), weight: 1 },
  );
}

/** A valid input with one field changed, mistyped, removed or added. */
function almostValid(
  valid: fc.Arbitrary<Record<string, unknown>>,
  fields: readonly string[],
): fc.Arbitrary<Record<string, unknown>> {
  const wrong = fc.oneof(
    anyJson,
    fc.constantFrom(...TRICKY_TEXTS),
    fc.constantFrom([], {}, [{}], { length: null, toString: false }, '3', 3, -1, true),
  );
  const name = fc.oneof(
    { arbitrary: fc.constantFrom(...fields), weight: 5 },
    { arbitrary: fc.constantFrom(...fields).map((field) => field.slice(1)), weight: 1 },
    { arbitrary: key, weight: 1 },
  );
  return fc
    .tuple(valid, name, fc.option(wrong, { nil: undefined, freq: 8 }))
    .map(([value, field, instead]) => ownEntries([...Object.entries(value), [field, instead]]));
}

/** A second argument is none, whatever it holds: continue-as-new alone hands one on. */
const several = (valid: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<Case> =>
  fc
    .tuple(valid, fc.array(anyPayload, { minLength: 1, maxLength: 3 }))
    .map(([first, others]) => ({ kind: 'several arguments', payloads: [json(first), ...others] }));

function ownEntries(entries: ReadonlyArray<readonly [string, unknown]>): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return made;
}
