import { Option } from 'commander';
import { type Config, forModel, modelNames } from '../config.ts';
import { didYouMean } from '../words/suggest.ts';
import type { Cli } from './cli.ts';
import { completing } from './completion/declare.ts';
import { CommandError, EXIT } from './exit.ts';

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
