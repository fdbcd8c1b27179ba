import { z } from 'zod';

/** Names of variables that a process gets besides those that every one gets. */
export const PassEnv = z
  .array(z.string().regex(/^[A-Za-z_]\w*\*?$/, 'Expected the name of a variable, or its beginning and *'))
  .default([]);

/** The layers around a schema's core: optional, default, prefault and the like. */
function layers(schema: z.ZodType): z.ZodType[] {
  const inner = (schema.def as { innerType?: z.ZodType }).innerType;
  return inner ? [schema, ...layers(inner)] : [schema];
}

/** A schema without what makes it optional or gives it a default. */
export function coreOf(schema: z.ZodType): z.ZodType {
  return layers(schema).at(-1) as z.ZodType;
}

/** What a schema describes, with its unit. */
export function descriptionOf(schema: z.ZodType): string {
  const { description = '', unit } = metaOf(schema);
  return unit ? `${description} (${unit})` : description;
}

/** The same of a field of an input, with the setting that holds where it is left out. */
export function meaningOf(field: z.ZodType): string {
  const { setting } = metaOf(field);
  return setting ? `${descriptionOf(field)}; default: ${setting}` : descriptionOf(field);
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

/** A type as the docs show it: `whole number`, `hgb | rf`, `list of text`. */
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
  if (core instanceof z.ZodUnion) return core.options.map((option) => typeOf(option as z.ZodType)).join(' | ');
  return 'object';
}

export type Path = readonly PropertyKey[];

/** `steps.trial.command`, `extraSteps[0].name`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`),
    '',
  );
}

/** zod's own messages, each with its field: what is wrong with an answer of another program. */
export function issueTexts({ issues }: { issues: readonly z.core.$ZodIssue[] }, whole: string): string[] {
  return issues.flatMap((issue) => {
    // Of alternatives, the one that fits best: zod says no more than "Invalid input".
    const [best] = issue.code === 'invalid_union' ? issue.errors.toSorted((a, b) => a.length - b.length) : [];
    const at = pathText(issue.path) || whole;
    return best
      ? issueTexts({ issues: best.map((each) => ({ ...each, path: [...issue.path, ...each.path] })) }, whole)
      : `${at}: ${issue.message}`;
  });
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

/** The core of a schema; of alternatives with a discriminator, the one that the value chose. */
export function coreFor(schema: z.ZodType, value: unknown): z.ZodType {
  const core = coreOf(schema);
  if (core instanceof z.ZodDiscriminatedUnion) {
    const { discriminator } = core.def;
    const kind = childValue(value, discriminator);
    const options = core.options as z.ZodObject[];
    return options.find(({ shape }) => (shape[discriminator] as z.ZodLiteral).values.has(kind as string)) ?? core;
  }
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
