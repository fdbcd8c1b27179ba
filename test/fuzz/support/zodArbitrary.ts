import fc from 'fast-check';
import { z } from 'zod';

/** Values of fields by their name, where not every one that the schema takes lets a run end soon. */
export type Overrides = Readonly<Record<string, { values: fc.Arbitrary<unknown>; always?: boolean }>>;

/**
 * Values that a schema takes, made from the schema itself: a field that is added to a contract is covered at once.
 *
 * @throws Error on a kind of schema that is not known here: teach it
 */
export function arbitraryOf(schema: z.ZodType, overrides: Overrides = {}): fc.Arbitrary<unknown> {
  return shaped(schema, overrides).filter((value) => schema.safeParse(value).success);
}

const WRAPPERS = [z.ZodOptional, z.ZodExactOptional, z.ZodDefault, z.ZodPrefault];

function shaped(schema: z.ZodType, overrides: Overrides): fc.Arbitrary<unknown> {
  const of = (inner: unknown) => shaped(inner as z.ZodType, overrides);
  if (WRAPPERS.some((Wrapper) => schema instanceof Wrapper)) return of((schema as z.ZodOptional).def.innerType);
  if (schema instanceof z.ZodNullable) return fc.option(of(schema.def.innerType), { freq: 3 });
  if (schema instanceof z.ZodObject) return objectOf(schema, overrides);
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNull) return fc.constant(null);
  if (schema instanceof z.ZodUnknown) return fc.jsonValue();
  if (schema instanceof z.ZodNumber) return numberOf(schema);
  if (schema instanceof z.ZodGUID) return fc.uuid();
  if (schema instanceof z.ZodISODateTime)
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(8e12) }).map((date) => date.toISOString());
  if (schema instanceof z.ZodString) return textOf(schema);
  if (schema instanceof z.ZodArray) return fc.array(of(schema.element), { maxLength: 3 });
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(fc.string({ minLength: 1 }), of(schema.valueType), { maxKeys: 4 });
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map(of));
  throw new Error(`There are no random values of the schema type "${schema.def.type}" yet.`);
}

function objectOf(schema: z.ZodObject, overrides: Overrides): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>);
  const isRequired = ([name, field]: [string, z.ZodType]) =>
    overrides[name]?.always || !(field instanceof z.ZodExactOptional || field.safeParse(undefined).success);
  const required = fields.filter(isRequired).map(([name]) => name);
  const arbitraries = fields.map(([name, field]) => {
    const values = overrides[name]?.values ?? shaped(field, overrides);
    return [name, values.filter((value) => field.safeParse(value).success)] as const;
  });
  return fc.record(Object.fromEntries(arbitraries), { requiredKeys: required as never[] });
}

function numberOf({ minValue, maxValue, format, def }: z.ZodNumber): fc.Arbitrary<number> {
  const min = Math.max(minValue ?? -1e15, -1e15);
  const max = Math.min(maxValue ?? 1e15, 1e15);
  const isInt = format?.includes('int') || def.checks?.some((check) => 'format' in check._zod.def);
  const middle = fc.integer({ min: Math.ceil(Math.max(min, -1_000)), max: Math.floor(Math.min(max, 1_000)) });
  const all = isInt ? fc.integer({ min: Math.ceil(min), max: Math.floor(max) }) : fc.double({ min, max, noNaN: true });
  return fc.oneof(middle, all);
}

function textOf({ def, minLength, maxLength }: z.ZodString): fc.Arbitrary<string> {
  const patterns = (def.checks ?? []).flatMap((check) => {
    const { pattern } = check._zod.def as { pattern?: RegExp };
    return pattern ? [pattern] : [];
  });
  // Character classes of Unicode are not written backwards: those texts are filtered instead.
  const written = patterns.find(({ source }) => !source.includes('\\p'));
  if (written) return fc.stringMatching(written);
  const size = { minLength: minLength ?? 0, maxLength: Math.min(maxLength ?? 5_000, 5_000) };
  return fc.oneof(
    fc.string(size),
    fc.string({ ...size, unit: 'grapheme' }).filter((text) => text.length <= size.maxLength),
    fc.constantFrom('x', '漢', '😀').map((unit) => unit.repeat(Math.floor(size.maxLength / unit.length))),
  );
}
