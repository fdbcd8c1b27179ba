import { z } from 'zod';
import { coreFor, isMapping } from '../contracts/schemas/shape.ts';

export { isMapping };

/**
 * The values as the schema is meant to read them: a mapping or list without anything in it is as if it were absent, and
 * what only JavaScript takes for a number, such as `true`, becomes one that no schema takes.
 */
export function readable(schema: z.ZodType, value: unknown): unknown {
  const core = coreFor(schema, value);
  if (core instanceof z.ZodNumber) return value === undefined || isNumber(value) ? value : Number.NaN;
  if (core instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item) => readable(core.element as z.ZodType, item));
  }
  if (!isMapping(value)) return value;
  if (core instanceof z.ZodObject) {
    // A key such as `constructor` is a setting only where the schema has it.
    return each(value, (key) => (Object.hasOwn(core.shape, key) ? core.shape[key] : undefined));
  }
  // What stands under a free name is there, if only by its name.
  if (core instanceof z.ZodRecord) return each(value, () => core.valueType as z.ZodType, {});
  return value;
}

function each(
  values: Record<string, unknown>,
  schemaOf: (key: string) => z.ZodType | undefined,
  nothing?: object,
): Record<string, unknown> {
  const entries = Object.entries(values).flatMap(([key, value]) => {
    const schema = schemaOf(key);
    if (!schema) return [[key, value]];
    if (value !== null || !holdsOthers(schema)) return [[key, readable(schema, value)]];
    return nothing ? [[key, nothing]] : [];
  });
  return Object.fromEntries(entries);
}

function holdsOthers(schema: z.ZodType): boolean {
  const core = coreFor(schema, null);
  return core instanceof z.ZodObject || core instanceof z.ZodRecord || core instanceof z.ZodArray;
}

const isNumber = (value: unknown) =>
  typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)));
