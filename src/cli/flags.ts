import { type Argument, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { type Config, forModel, modelNames } from '../config.ts';
import { coreOf, descriptionOf, metaOf } from '../contracts/schemas.ts';
import { didYouMean } from '../words/suggest.ts';
import { wrongFields } from '../words/wrongFields.ts';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

/** What the shell offers for an argument, or for the value of a flag, besides the choices that commander knows. */
export type Completion = 'files' | 'folders' | AskedValues;

/** Values that only Temporal, MLflow or the settings know. */
export type AskedValues = 'workflows' | 'runningWorkflows' | 'promotions' | 'versions' | 'schedules' | 'models';

const COMPLETIONS = new WeakMap<Argument | Option, Completion>();
const COMPLETION_OF_FIELD: Readonly<Record<string, Completion>> = {
  registeredModel: 'models',
  data: 'files',
  log: 'files',
};

/** Sets what the shell offers. */
export function completing<Of extends Argument | Option>(of: Of, completion: Completion): Of {
  COMPLETIONS.set(of, completion);
  return of;
}

export const completionOf = (of: Argument | Option): Completion | undefined => COMPLETIONS.get(of);

/** The fields of an input that a person can type: those with a single value, and parameters by name. */
export function typableFields(input: z.ZodObject): string[] {
  return Object.entries(input.shape as Record<string, z.ZodType>)
    .filter(([field, schema]) => field !== 'version' && flagsOf(field, schema) !== null)
    .map(([field]) => field);
}

/**
 * The option of a field, described by the field's own schema.
 *
 * @param config for the value that holds without the flag; absent when it cannot be read
 */
export function optionOf(field: string, schema: z.ZodType, config?: () => Config | undefined): Option {
  const core = coreOf(schema);
  const option = described(new Option(flagsOf(field, schema) ?? ''), schema, config);
  if (core instanceof z.ZodEnum) option.choices(core.options.map(String));
  if (core instanceof z.ZodNumber) option.argParser(core.format?.includes('int') ? wholeNumber : decimal);
  if (core instanceof z.ZodRecord) option.argParser(parameter);
  const completion = COMPLETION_OF_FIELD[field];
  return completion ? completing(option, completion) : option;
}

/** `--max-auc-loss <n>`; null for a field that is no flag. */
function flagsOf(field: string, schema: z.ZodType): string | null {
  const name = flagName(field, schema);
  const core = coreOf(schema);
  const value = metaOf(schema).value ?? 'text';
  if (name === '') return null;
  if (core instanceof z.ZodBoolean) return name;
  if (core instanceof z.ZodNumber) return `${name} <n>`;
  if (core instanceof z.ZodEnum || core instanceof z.ZodString) return `${name} <${value}>`;
  if (core instanceof z.ZodArray) return metaOf(schema).value === undefined ? null : `${name} <${value}...>`;
  return core instanceof z.ZodRecord ? `${name} <name=value...>` : null;
}

function flagName(field: string, schema: z.ZodType): string {
  const { flag } = metaOf(schema);
  return flag === '' ? '' : `--${flag ?? field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Describes it by its schema and the settings, which are not read unless somebody asks for help. */
export function described<Of extends Argument | Option>(
  of: Of,
  schema: z.ZodType,
  config: () => Config | undefined = () => undefined,
): Of {
  return Object.defineProperty(of, 'description', { get: () => aboutOf(schema, config()) });
}

/** What a field is, and the setting that holds without it: `…; default: 20 (search.trials)`. */
function aboutOf(schema: z.ZodType, config: Config | undefined): string {
  const { setting } = metaOf(schema);
  const about = descriptionOf(schema);
  if (setting === undefined) return about;
  const [section = '', key = ''] = setting.split('.');
  const value = (config?.[section as keyof Config] as Record<string, unknown> | undefined)?.[key];
  const shown = value === undefined || value === '' || typeof value === 'object' ? setting : `${value} (${setting})`;
  return `${about}; default: ${shown}`;
}

/**
 * A value that its schema takes.
 *
 * @param undone what is said to have not happened: `Nothing was started.`
 * @throws {CommandError} naming each wrong flag
 */
export function checkedBy<Schema extends z.ZodObject>(
  schema: Schema,
  value: Record<string, unknown>,
  undone: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const nameOf = (field: PropertyKey | undefined) => {
    const own = (schema.shape as Record<PropertyKey, z.ZodType>)[field ?? ''];
    if (field === 'version') return 'VERSION';
    return own ? flagName(String(field), own) : String(field ?? 'input');
  };
  const fields = wrongFields(parsed.error.issues, { schema, value, written: 'json' });
  const wrong = fields.map(({ path, message }) => `${nameOf(path[0])}: ${message}`);
  throw new CommandError(EXIT.usage, `${undone} ${wrong.join('; ')}.`);
}

export function wholeNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number, such as 20.');
  return Number(text);
}

/** A parser of whole numbers from a bound on. */
export const wholeFrom = (least: number) => (text: string) => {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number from ${least} on, such as 20.`);
};

export function decimal(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    throw new InvalidArgumentError('Expected a number, such as 0.005.');
  }
  return Number(text);
}

export function share(text: string): number {
  const value = decimal(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError('Expected a number from 0 to 1, such as 0.65.');
  return value;
}

/** A version as the registry counts them; checked before anything is asked. */
export function versionNumber(text: string): string {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a version number, such as 3.');
  return text;
}

/** `learning_rate=0.1`: the value is JSON if it can be read so, and text otherwise. */
function parameter(text: string, earlier: unknown): Record<string, unknown> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Expected name=value, such as learning_rate=0.1.');
  }
  return { ...(earlier as object | undefined), [name]: jsonOrText(value) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A time of day with an optional zone, behind a date. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * A time as a person types it: `2026-11-24`, `2026-11-24T10:00`, `2026-11-24 10:00`, with a zone (`Z`, `+01:00`) or in the
 * zone of this machine.
 *
 * @returns Unix time (ms)
 */
export function localTime(text: string): number {
  const iso = text.trim().replace(/^(\d{4}-\d{2}-\d{2}) (?=\d)/, '$1T');
  // JavaScript takes a date alone as one in UTC, and anything longer as one here.
  const time = existingTime(iso.includes('T') ? iso : `${iso}T00:00`);
  if (time !== undefined) return time;
  throw new InvalidArgumentError(`"${text}" is not a time such as 2026-11-24T10:00 or 2026-11-24T10:00Z.`);
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** A time back from now (`90m`, `12h`, `7d`, `2w`), or a time as `localTime` takes it, as Unix time (ms). */
export function pastTime(text: string, now = Date.now()): number {
  const [, count, unit] = /^(\d{1,6})\s*([mhdw])$/.exec(text.trim()) ?? [];
  if (unit) return now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  try {
    return localTime(text);
  } catch {
    throw new InvalidArgumentError(`"${text}" is neither a time such as 2026-11-24 nor a while such as 7d.`);
  }
}

/** A time that means the same on every machine: a date (00:00 UTC), or a time with its zone. */
export function zonedTime(text: string): Date {
  const time = !text.includes('T') || /(Z|[+-]\d\d:\d\d)$/.test(text) ? existingTime(text) : undefined;
  if (time !== undefined) return new Date(time);
  throw new InvalidArgumentError('Expected a date (00:00 UTC) or a time with its zone, such as 2026-01-31T02:00:00Z.');
}

/** Unix time (ms) of an ISO time. JavaScript takes 31 February for 3 March; here it is undefined. */
function existingTime(iso: string): number | undefined {
  const [day = ''] = iso.split('T');
  const midnight = new Date(`${day}T00:00Z`);
  const time = TIME.test(iso) ? Date.parse(iso) : Number.NaN;
  const exists = !Number.isNaN(time) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return exists ? time : undefined;
}

/** Flags without a value. */
export type Switches<Name extends string> = Partial<Record<Name, boolean>>;

export const YES_FLAG = ['-y, --yes', 'do not ask for confirmation, which is asked for on a terminal'] as const;

export function modelOption(about = 'registered model; default: registry.registeredModel'): Option {
  return completing(new Option('--registered-model <name>', about), 'models');
}

/**
 * The settings of a model; without a name, of the first one, or that of `registry`.
 *
 * @param undeclared for a start: whether one that the settings do not declare is asked for; absent: for a look
 * @throws {CommandError} when `models` names others only
 */
export function configOf(cli: Cli, registeredModel?: string, undeclared?: boolean): Config {
  const config = cli.config();
  const names = modelNames(config);
  const name = registeredModel ?? config.registry.registeredModel;
  // Without the section `models` others are looked at with the same settings.
  const isRefused = undeclared === undefined ? Object.keys(config.models).length > 0 : !undeclared;
  if (isRefused && !names.includes(name)) {
    const known = `mediwatch.yaml has ${names.join(', ')}`;
    throw new CommandError(EXIT.usage, `There is no model "${name}": ${known}${didYouMean(name, names)}`);
  }
  return forModel(config, name);
}
