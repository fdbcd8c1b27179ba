import type { z } from 'zod';
import { type WrongField, wrongFields } from '../words/wrongFields.ts';
import { mayBeSecret, type Path, type Place, type Problem, pathText } from './problems.ts';

export interface Checked {
  schema: z.ZodType;
  /** The values as they were written. */
  settings: unknown;
  placeOf(path: Path, part?: 'key' | 'value'): Place;
  /** Where in the whole the values stand. */
  prefix?: Path;
  /** Where else a setting of this name stands: `trials` is `search.trials`. */
  elsewhere?: (key: string) => string[];
}

/** What zod found, in the words of somebody who writes `mediwatch.yaml`, with the place of each. */
export function explain(issues: readonly z.core.$ZodIssue[], checked: Checked): Problem[] {
  const { schema, settings: value, placeOf, prefix = [], elsewhere } = checked;
  const words = { schema, value, written: 'yaml', isSecret: mayBeSecret, ...(elsewhere && { elsewhere }) } as const;
  return wrongFields(issues, words).map(({ path, part, message }: WrongField) => {
    const whole = [...prefix, ...path];
    return { ...placeOf(whole, part), path: pathText(whole), message };
  });
}
