import { type ApplicationFailure, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import { tooLarge } from '../../contracts/size.ts';
import { utf8Length } from '../../contracts/text.ts';
import { WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';
import { fitted, plain } from '../../words/markdown.ts';
import { type Refusal, refusalMarkdown, refusalOf, refusalText, wholeRefused } from '../../words/refusal.ts';

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
  const tooLong = tooLongId();
  if (tooLong !== null) {
    const refused = failure('InvalidInput', `${name} cannot be started under this workflow id: ${tooLong}.`);
    setCurrentDetails(fitted([plain(refused.message)]));
    throw refused;
  }
  const tooMuch = tooLarge(input);
  if (tooMuch !== null) throw refused(name, wholeRefused(tooMuch));
  if (input instanceof Undecodable) throw refused(name, wholeRefused(`it is not JSON: ${input.problem}`));
  const { input: schema } = WORKFLOWS[name];
  const given = input === undefined || input === null || input === '' ? {} : input;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as z.output<(typeof WORKFLOWS)[Name]['input']>;
  throw refused(name, refusalOf(parsed.error.issues, schema, given));
}

/** Shows on the workflow's page what is wrong with its input, and returns the failure that says it too. */
function refused(name: WorkflowName, refusal: Refusal): ApplicationFailure {
  setCurrentDetails(refusalMarkdown(name, refusal));
  return failure('InvalidInput', refusalText(name, refusal));
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
