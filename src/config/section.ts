import { z } from 'zod';

/** A section of the settings that may be left out: its own defaults fill it. */
export const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).prefault({} as never);

/**
 * Options as a section of the settings. A setting may also be a text, from the environment or in quotes: a number,
 * `true` or `false`, or a list separated by commas.
 */
export function settingsSection<Shape extends z.ZodRawShape>(options: z.ZodObject<Shape>) {
  const fields = Object.entries<z.ZodType>(options.shape as never).map(([name, field]) => [name, fromText(field)]);
  return section(Object.fromEntries(fields) as Shape);
}

function fromText(field: z.ZodType): z.ZodType {
  const meta = field.meta() ?? {};
  if (field instanceof z.ZodDefault)
    return fromText(field.unwrap() as z.ZodType)
      .default(field.def.defaultValue)
      .meta(meta);
  if (field instanceof z.ZodOptional)
    return fromText(field.unwrap() as z.ZodType)
      .optional()
      .meta(meta);
  if (field instanceof z.ZodNullable) {
    const inner = field.unwrap() as z.ZodType;
    // A name may be left out by an empty text, too.
    const none =
      inner instanceof z.ZodString
        ? [
            z
              .string()
              .regex(/^\s*$/)
              .transform(() => null),
          ]
        : [];
    return z
      .union([fromText(inner), ...none])
      .nullable()
      .meta(meta);
  }
  if (field instanceof z.ZodNumber) return new z.ZodNumber({ ...field.def, coerce: true }).meta(meta);
  if (field instanceof z.ZodBoolean)
    return z.union([field, z.enum(['true', 'false']).transform((text) => text === 'true')]).meta(meta);
  if (field instanceof z.ZodArray && field.element instanceof z.ZodString) return z.union([field, listText]).meta(meta);
  return field;
}

const listText = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
);
