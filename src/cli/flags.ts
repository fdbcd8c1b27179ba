import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { coreOf, descriptionOf, metaOf } from '../contracts/schemas.ts';
import { type Completion, completing } from './completion/declare.ts';

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
