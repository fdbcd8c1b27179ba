import type { Argument, Option } from 'commander';

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
