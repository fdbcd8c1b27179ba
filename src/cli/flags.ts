import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { coreOf, descriptionOf } from '../contracts/schemas/describe.ts';
import { type Completion, completing } from './completion/declare.ts';

interface Flag {
  flags: string;
  /** Turns the text of the flag into the field's value; later ones get what earlier ones gave. */
  parse?: (text: string, earlier: unknown) => unknown;
  /** What the shell offers for its value. */
  completion?: Completion;
  /** Said instead of the field's description, where the flag says the opposite. */
  about?: string;
}

/** The flag of each field of the workflows' inputs that a person can type. */
const FLAGS = {
  model: { flags: '--model <kind>' },
  trials: { flags: '--trials <n>', parse: wholeNumber },
  parallel: { flags: '--parallel <n>', parse: wholeNumber },
  params: { flags: '--param <name=value...>', parse: parameter, about: 'a hyperparameter; may be repeated' },
  data: { flags: '--data <path>', completion: 'files' },
  seed: { flags: '--seed <n>', parse: wholeNumber },
  stage: { flags: '--stage <stage>' },
  maxAucLoss: { flags: '--max-auc-loss <x>', parse: decimal },
  policy: { flags: '--policy <policy>' },
  approval: { flags: '--approval' },
  stagingFirst: { flags: '--staging-first' },
  strategy: { flags: '--strategy <strategy>' },
  redeploy: { flags: '--no-redeploy', about: 'leave the API as it is after a promotion to Production' },
  force: { flags: '--force' },
  registeredModel: { flags: '--registered-model <name>', completion: 'models' },
  trigger: { flags: '--trigger <text>' },
  report: { flags: '--report <link>' },
  dryRun: { flags: '--dry-run' },
  reason: { flags: '--reason <text>' },
  by: { flags: '--by <name>' },
  log: { flags: '--log <path>', completion: 'files' },
  reference: { flags: '--reference <what>' },
  minRows: { flags: '--min-rows <n>', parse: wholeNumber },
  alert: { flags: '--no-alert', about: 'only report: the steward is not told of drift' },
} as const satisfies Record<string, Flag>;
export type FlagName = keyof typeof FLAGS;

/**
 * The option of a field, described by the field's own schema.
 *
 * @param config fills the defaults in that the description names; absent when it cannot be read
 */
export function optionOf(field: FlagName, schema: z.ZodType, config: Config | undefined): Option {
  const flag: Flag = FLAGS[field];
  const option = new Option(flag.flags, flag.about ?? withDefaults(descriptionOf(schema), config));
  const core = coreOf(schema);
  if (core instanceof z.ZodEnum) option.choices(core.options.map(String));
  if (flag.parse) option.argParser(flag.parse);
  if (flag.completion) completing(option, flag.completion);
  return option;
}

/** `--max-auc-loss` for `maxAucLoss`: what a message calls a field; `version` is an argument. */
export function nameOf(field: PropertyKey | undefined): string {
  if (field === 'version') return 'VERSION';
  const flag = FLAGS[field as FlagName]?.flags.split(' ')[0];
  return flag ?? String(field ?? 'input');
}

/** `default: search.trials` becomes `default: 20 (search.trials)`. */
export function withDefaults(description: string, config: Config | undefined): string {
  return description.replace(/default: (\w+)\.(\w+)/g, (text, section: string, key: string) => {
    const settings = config?.[section as keyof Config] as Record<string, unknown> | undefined;
    const value = settings?.[key];
    return value === undefined || value === '' ? text : `default: ${value} (${section}.${key})`;
  });
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
