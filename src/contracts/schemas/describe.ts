import { z } from 'zod';

/** The layers around a schema's core: optional, default, prefault and the like. */
function layers(schema: z.ZodType): z.ZodType[] {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return inner ? [schema, ...layers(inner)] : [schema];
}

/** A schema without what makes it optional or gives it a default. */
export function coreOf(schema: z.ZodType): z.ZodType {
  return layers(schema).at(-1) as z.ZodType;
}

/** What `.describe()` said of a schema, whichever layer it was said of. */
export function descriptionOf(schema: z.ZodType): string {
  return layers(schema).find((layer) => layer.description !== undefined)?.description ?? '';
}

/** The metadata of a schema, whichever layer has it. */
export function metaOf(schema: z.ZodType): z.GlobalMeta {
  return Object.assign(
    {},
    ...layers(schema)
      .toReversed()
      .map((layer) => layer.meta() ?? {}),
  );
}

/** The default that a schema fills in; undefined when it has none. */
export function defaultOf(schema: z.ZodType): unknown {
  const filled = layers(schema).find((layer) => layer instanceof z.ZodDefault || layer instanceof z.ZodPrefault);
  return filled?.def.defaultValue;
}

/** Whether a schema takes null. */
export function isNullable(schema: z.ZodType): boolean {
  return layers(schema).some((layer) => layer instanceof z.ZodNullable);
}

/** A type in a reader's words: `whole number`, `hgb | rf`, `list of text`. */
export function typeOf(schema: z.ZodType): string {
  const core = coreOf(schema);
  return coreType(core) + (isNullable(schema) ? ' | null' : '');
}

function coreType(core: z.ZodType): string {
  if (core instanceof z.ZodEnum) return core.options.join(' | ');
  if (core instanceof z.ZodNumber) return core.format?.includes('int') ? 'whole number' : 'number';
  if (core instanceof z.ZodString) return 'text';
  if (core instanceof z.ZodBoolean) return 'true | false';
  if (core instanceof z.ZodArray) return `list of ${typeOf(core.element as z.ZodType)}`;
  // A union here is one type and the text that stands for it in the environment.
  if (core instanceof z.ZodUnion) return typeOf(core.options[0] as z.ZodType);
  return 'object';
}
