import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import type { DriftGate } from '../../contracts/options.ts';
import { CommandError, EXIT } from '../exit.ts';
import { decimal, wholeNumber } from '../flags.ts';

/** What the flags of a gate give; a flag that is absent leaves the rule as the settings have it. */
export interface GateFlags {
  minColumns?: number;
  share?: number;
  column?: string[];
  dataset?: boolean;
  prediction?: boolean;
  target?: boolean;
}

/** Adds the flags of the gate to a command. */
export function addGateFlags(command: Command): Command {
  return command
    .option('--min-columns <n>', 'drift when at least this many features drifted', wholeNumber)
    .option('--share <x>', 'drift when at least this share of the features drifted', decimal)
    .option('--column <name...>', 'drift when one of these columns drifted')
    .option('--dataset', 'drift when the data set drifted, as the report says')
    .option('--no-dataset', 'whatever the report says of the data set')
    .option('--prediction', 'drift when the prediction drifted')
    .option('--no-prediction', 'whatever the prediction did')
    .option('--target', 'drift when the target drifted')
    .option('--no-target', 'whatever the target did');
}

/**
 * The gate of the settings with the flags laid over it.
 *
 * @throws {CommandError} naming a flag whose value is no rule
 */
export function gateFrom({ driftGate }: Config, flags: GateFlags): DriftGate {
  const { minColumns, share } = flags;
  if (minColumns !== undefined && minColumns < 1) throw wrong('--min-columns: expected a number from 1 on.');
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw wrong('--share: expected a number above 0 and up to 1, such as 0.5.');
  }
  const gate = driftGate;
  return {
    dataset: flags.dataset ?? gate.dataset,
    minColumns: minColumns ?? gate.minColumns,
    columns: flags.column ?? gate.columns,
    share: share ?? gate.share,
    prediction: flags.prediction ?? gate.prediction,
    target: flags.target ?? gate.target,
  };
}

function wrong(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}
