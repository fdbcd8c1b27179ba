import { StepError } from '../processes/errors.ts';

/** The command did what it did, but that is no result; trying again would not help. */
export function stepFailed(message: string): StepError {
  return new StepError({ type: 'StepFailed', message, retryable: false, field: null });
}

/** mediwatch.yaml asks for what cannot be done. */
export function wrongSettings(message: string): StepError {
  return new StepError({ type: 'InvalidConfig', message, retryable: false, field: null });
}
