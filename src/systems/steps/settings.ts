import type { ExtraStep, StepConfig } from '../../config/steps.ts';

/** How one step is run as a command, whether it is one of `steps` or one of `extraSteps`. */
export interface CommandSettings extends Omit<StepConfig, 'skip' | 'command'> {
  /** Where its settings are in mediwatch.yaml, for messages: `steps.trial`. */
  name: string;
  command: readonly string[];
}

/** The settings of an extra step as those of a command. */
export function extraStepSettings({ before: _, after: __, ...step }: ExtraStep): CommandSettings {
  return { ...step, name: `extraSteps.${step.name}` };
}

/** Every text of a command that may have placeholders. */
export function textsOf({ command, env }: Pick<CommandSettings, 'command' | 'env'>): string[] {
  return [...command, ...Object.values(env)];
}
