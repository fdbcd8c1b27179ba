import type { z } from 'zod';
import { wrongInWords } from '../../words/wrongFields.ts';
import { stepFailed } from './errors.ts';

/**
 * What a step answered, read by its schema.
 *
 * @param step name of the step, as in `steps` of mediwatch.yaml
 * @throws {StepError} saying which of its fields are wrong; another attempt would answer the same
 */
export function readStepAnswer<Schema extends z.ZodType>(
  step: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const wrong = wrongInWords(parsed.error.issues, schema, answer, 'the whole');
  throw stepFailed(
    `The step ${step} answered in another form than it must: ${wrong.join('; ')}. ` +
      `Correct what steps.${step}.command answers; if none is set, worker and Python package are of different releases.`,
  );
}
