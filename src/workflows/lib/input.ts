import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import { WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';

/**
 * Parses a workflow's input: an empty one is an empty object.
 *
 * @throws ApplicationFailure of type InvalidInput that names every wrong field and shows an input that works
 */
export function parseInput<Name extends WorkflowName>(
  name: Name,
  input: unknown,
): z.output<(typeof WORKFLOWS)[Name]['input']> {
  const { input: schema, example } = WORKFLOWS[name];
  const parsed = schema.safeParse(input === undefined || input === null || input === '' ? {} : input);
  if (parsed.success) return parsed.data as z.output<(typeof WORKFLOWS)[Name]['input']>;
  const wrong =
    input instanceof Undecodable
      ? [`it is not JSON: ${input.problem}`]
      : parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`);
  throw failure(
    'InvalidInput',
    `${name} cannot be started with this input. ${wrong.join('; ')}. ` +
      `An input that works: ${JSON.stringify(example)}; so does an empty one.`,
  );
}
