import { type ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import { tooLarge } from '../../contracts/size.ts';
import { utf8Length } from '../../contracts/text.ts';
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
  const { input: schema } = WORKFLOWS[name];
  const tooLong = tooLongId();
  if (tooLong !== null) throw failure('InvalidInput', `${name} cannot be started under this workflow id: ${tooLong}.`);
  const tooMuch = tooLarge(input);
  if (tooMuch !== null) throw refusal(name, [tooMuch]);
  const parsed = schema.safeParse(input === undefined || input === null || input === '' ? {} : input);
  if (parsed.success) return parsed.data as z.output<(typeof WORKFLOWS)[Name]['input']>;
  const wrong =
    input instanceof Undecodable
      ? [`it is not JSON: ${input.problem}`]
      : parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`);
  throw refusal(name, wrong);
}

function refusal(name: WorkflowName, wrong: string[]): ApplicationFailure {
  const { example } = WORKFLOWS[name];
  return failure(
    'InvalidInput',
    `${name} cannot be started with this input. ${wrong.join('; ')}. ` +
      `An input that works: ${JSON.stringify(example)}; so does an empty one.`,
  );
}

/** Bytes of a workflow id that leave room for what the ids of its stages add: Temporal takes 1,000. */
const LONGEST_ID = 900;

/** Says in words that no stage could be named after this workflow; null: it can, or its parent was asked already. */
function tooLongId(): string | null {
  const { workflowId, parent } = workflowInfo();
  const length = utf8Length(workflowId);
  if (parent || length <= LONGEST_ID) return null;
  return `its workflow id has ${length} bytes, and the ids of its stages begin with it. Expected ${LONGEST_ID} at most`;
}
