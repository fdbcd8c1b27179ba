import { workflowInfo } from '@temporalio/workflow';
import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import { WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';

/** What continue-as-new handed on; a second argument that anybody else gives is none. */
export function handedOn<Carried>(carried: Carried | undefined): Carried | undefined {
  return workflowInfo().continuedFromExecutionRunId === undefined ? undefined : carried;
}

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
