import { type Argument, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { type Config, forModel, modelNames } from '../config.ts';
import { coreOf, descriptionOf, metaOf } from '../contracts/schemas.ts';
import { didYouMean } from '../words/suggest.ts';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';

/** What the shell offers for the value of a flag, besides the choices of its schema. */
const COMPLETIONS: Readonly<Record<string, Completion>> = { registeredModel: 'models', data: 'files', log: 'files' };

/** The fields of an input that a person can type: those with a single value, and parameters by name. */
export function typableFields(input: z.ZodObject): string[] {
  return Object.entries(input.shape as Record<string, z.ZodType>)
    .filter(([field, schema]) => field !== 'version' && flagsOf(field, schema) !== null)
    .map(([field]) => field);
}

/**
 * The option of a field, described by the field's own schema.
 *
 * @param config shows what holds without the flag; absent when it cannot be read
 */
export function optionOf(field: string, schema: z.ZodType, config: Config | undefined): Option {
  const core = coreOf(schema);
  const option = new Option(flagsOf(field, schema) ?? '', aboutOf(schema, config));
  if (core instanceof z.ZodEnum) option.choices(core.options.map(String));
  if (core instanceof z.ZodNumber) option.argParser(core.format?.includes('int') ? wholeNumber : decimal);
  if (core instanceof z.ZodRecord) option.argParser(parameter);
  const completion = COMPLETIONS[field];
  return completion ? completing(option, completion) : option;
}

/** `--max-auc-loss <x>`; null for a field that is no flag. */
function flagsOf(field: string, schema: z.ZodType): string | null {
  const name = flagName(field, schema);
  const core = coreOf(schema);
  if (name === '') return null;
  if (core instanceof z.ZodBoolean) return name;
  if (core instanceof z.ZodNumber) return `${name} <n>`;
  if (core instanceof z.ZodEnum || core instanceof z.ZodString) return `${name} <${metaOf(schema).value ?? 'text'}>`;
  return core instanceof z.ZodRecord ? `${name} <name=value...>` : null;
}

function flagName(field: string, schema: z.ZodType): string {
  const { flag } = metaOf(schema);
  return flag === '' ? '' : `--${flag ?? field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `--max-auc-loss` for `maxAucLoss`: what a message calls a field; `version` is an argument. */
export function nameOf(field: PropertyKey | undefined, input: z.ZodObject): string {
  if (field === 'version') return 'VERSION';
  const schema = (input.shape as Record<PropertyKey, z.ZodType>)[field ?? ''];
  return schema ? flagName(String(field), schema) : String(field ?? 'input');
}

/** What a field is, and the setting that holds without it: `…; default: 20 (search.trials)`. */
export function aboutOf(schema: z.ZodType, config: Config | undefined): string {
  const { setting } = metaOf(schema);
  const about = descriptionOf(schema);
  if (setting === undefined) return about;
  const [section = '', key = ''] = setting.split('.');
  const value = (config?.[section as keyof Config] as Record<string, unknown> | undefined)?.[key];
  const shown = value === undefined || value === '' || typeof value === 'object' ? setting : `${value} (${setting})`;
  return `${about}; default: ${shown}`;
}

export function wholeNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number, such as 20.');
  return Number(text);
}

export function decimal(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    throw new InvalidArgumentError('Expected a number, such as 0.005.');
  }
  return Number(text);
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

/** A version as the registry counts them; checked before anything is asked. */
export function versionNumber(text: string): string {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a version number, such as 3.');
  return text;
}

/** What the flag `--registered-model` says of itself. */
export const MODEL_FLAG = ['--registered-model <name>', 'registered model; default: registry.registeredModel'] as const;

/** That flag. */
export function modelOption(about: string = MODEL_FLAG[1]): Option {
  return completing(new Option(MODEL_FLAG[0], about), 'models');
}

/**
 * The settings of the model that is meant; the first one, or that of `registry`, when none is named.
 *
 * @throws {CommandError} when `models` names others only
 */
export function configOf(cli: Cli, registeredModel?: string): Config {
  const config = cli.config();
  const names = modelNames(config);
  const name = registeredModel ?? config.registry.registeredModel;
  // Without the section `models` the settings hold for whatever model is named.
  if (Object.keys(config.models).length > 0 && !names.includes(name)) {
    const known = `mediwatch.yaml has ${names.join(', ')}`;
    throw new CommandError(EXIT.usage, `There is no model "${name}": ${known}${didYouMean(name, names)}`);
  }
  return forModel(config, name);
}

/** What can stand for an argument, or for the value of a flag, besides the choices that commander knows. */
export type Completion = 'files' | 'folders' | Ask;

/** Values that only Temporal, MLflow or the settings can tell. */
export type Ask = 'workflows' | 'runningWorkflows' | 'promotions' | 'versions' | 'schedules' | 'models';

const DECLARED = new WeakMap<Argument | Option, Completion>();

/** Says what can stand for an argument, or for the value of a flag; the shell offers it. */
export function completing<Of extends Argument | Option>(of: Of, completion: Completion): Of {
  DECLARED.set(of, completion);
  return of;
}

/** What was said of it; undefined: nothing is offered. */
export function completionOf(of: Argument | Option): Completion | undefined {
  return DECLARED.get(of);
}

/**
 * The time of a text in the form of ISO 8601. JavaScript takes 31 February for 3 March; here it is none.
 *
 * @returns Unix time (ms); undefined for a day or an hour that does not exist
 */
export function existingTime(iso: string): number | undefined {
  const [day = ''] = iso.split('T');
  const midnight = new Date(`${day}T00:00Z`);
  const time = Date.parse(iso);
  if (Number.isNaN(time) || Number.isNaN(midnight.getTime())) return undefined;
  return midnight.toISOString().startsWith(day) ? time : undefined;
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/**
 * Reads since when: a time back from now (`90m`, `12h`, `7d`, `2w`), or a time as `parseTime` takes it.
 *
 * @param now Unix time (ms)
 * @returns Unix time (ms); undefined when it is neither
 */
export function parseSince(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d{1,6})\s*([mhdw])$/.exec(text.trim()) ?? [];
  return unit ? now - Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS] : parseTime(text);
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * Reads a time as a person types it: `2026-11-24`, `2026-11-24T10:00`, `2026-11-24 10:00`, with a zone (`Z`, `+01:00`)
 * or in the zone of this machine.
 *
 * @returns Unix time (ms); undefined when it is none
 */
export function parseTime(text: string): number | undefined {
  const iso = text.trim().replace(/^(\d{4}-\d{2}-\d{2}) (?=\d)/, '$1T');
  if (!TIME.test(iso)) return undefined;
  // JavaScript takes a date alone as one in UTC, and anything longer as one here.
  return existingTime(DATE.test(iso) ? `${iso}T00:00` : iso);
}
