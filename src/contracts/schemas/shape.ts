import { z } from 'zod';
import { coreOf } from './describe.ts';

export type Path = readonly PropertyKey[];

/** `steps.trial.command`, `extraSteps[0].name`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`),
    '',
  );
}

/** The schema of the setting at a path, without what makes it optional; undefined where the schema has no such place. */
export function schemaAt(root: z.ZodType, settings: unknown, path: Path): z.ZodType | undefined {
  let schema: z.ZodType | undefined = root;
  let value = settings;
  for (const name of path) {
    if (!schema) return undefined;
    schema = childOf(coreFor(schema, value), name);
    value = childValue(value, name);
  }
  return schema;
}

/** The value of the setting at a path; undefined where there is none. */
export function valueAt(settings: unknown, path: Path): unknown {
  return path.reduce<unknown>(childValue, settings);
}

/** Keys that a mapping may have by its schema; none for one of free names. */
export function keysOf(schema: z.ZodType | undefined): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** A schema as it applies to a value: of alternatives the one that the value chose, or the first. */
export function coreFor(schema: z.ZodType, value: unknown): z.ZodType {
  const core = coreOf(schema);
  if (core instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = core.def;
    const kind = childValue(value, discriminator);
    const options = core.options as z.ZodObject[];
    return options.find(({ shape }) => (shape[discriminator] as z.ZodLiteral).values.has(kind as string)) ?? core;
  }
  if (core instanceof z.ZodUnion) return coreFor(core.options[0] as z.ZodType, value);
  return core;
}

function childOf(core: z.ZodType, name: PropertyKey): z.ZodType | undefined {
  if (core instanceof z.ZodObject) return fieldOf(core, name);
  if (core instanceof z.ZodRecord) return core.valueType as z.ZodType;
  if (core instanceof z.ZodArray) return core.element as z.ZodType;
  // No alternative was chosen: what they are chosen by is the same in all of them.
  if (core instanceof z.ZodDiscriminatedUnion) return fieldOf(core.options[0] as z.ZodObject, name);
  return undefined;
}

/** A key such as `constructor` or `__proto__`, which every object has by itself, is no field. */
function fieldOf({ shape }: z.ZodObject, name: PropertyKey): z.ZodType | undefined {
  return Object.hasOwn(shape, name) ? (shape[String(name)] as z.ZodType) : undefined;
}

function childValue(value: unknown, name: PropertyKey): unknown {
  const has = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
  return has ? (value as Record<PropertyKey, unknown>)[name] : undefined;
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
