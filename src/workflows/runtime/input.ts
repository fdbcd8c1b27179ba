import { type ApplicationFailure, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { z } from 'zod';
import { failure } from '../../contracts/errors.ts';
import { Undecodable } from '../../contracts/payloads.ts';
import { tooLarge, utf8Length } from '../../contracts/text.ts';
import { type InputOf, type PlanOf, WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';
import { fitted, plain } from '../../words/markdown.ts';
import { type Refusal, refusalMarkdown, refusalOf, refusalText, wholeRefused } from '../../words/refusal.ts';

/** What continue-as-new handed on; a second argument that anybody else gives is none. */
export function handedOn<Carried>(carried: Carried | undefined): Carried | undefined {
  return workflowInfo().continuedFromExecutionRunId === undefined ? undefined : carried;
}

/**
 * Parses the input that a person gave; an empty one is an empty object.
 *
 * @throws ApplicationFailure of type InvalidInput that names every wrong field and shows an input that works
 */
export function parseInput<Name extends WorkflowName>(name: Name, input: unknown): InputOf<Name> {
  refuseLongId(name);
  return parse(name, WORKFLOWS[name].input, input) as InputOf<Name>;
}

/** Parses the plan that a parent workflow gave, or the run before this one. */
export function parsePlan<Name extends WorkflowName>(name: Name, input: unknown): PlanOf<Name> {
  return parse(name, WORKFLOWS[name].plan, input) as PlanOf<Name>;
}

function parse(name: WorkflowName, schema: z.ZodObject, input: unknown): unknown {
  const tooMuch = tooLarge(input);
  if (tooMuch !== null) throw refused(name, wholeRefused(tooMuch));
  if (input instanceof Undecodable) throw refused(name, wholeRefused(`it is not JSON: ${input.problem}`));
  const given = input === undefined || input === null || input === '' ? {} : input;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw refused(name, refusalOf(parsed.error.issues, schema, given));
}

/** Shows on the workflow's page what is wrong with its input, and returns the failure that says it too. */
function refused(name: WorkflowName, refusal: Refusal): ApplicationFailure {
  setCurrentDetails(refusalMarkdown(name, refusal));
  return failure('InvalidInput', refusalText(name, refusal));
}

/** Bytes of a workflow id that leave room for what the ids of its stages add: Temporal takes 1,000. */
const LONGEST_ID = 900;

/** Refuses a workflow id that no stage could be named after. */
function refuseLongId(name: WorkflowName): void {
  const length = utf8Length(workflowInfo().workflowId);
  if (length <= LONGEST_ID) return;
  const refusal = failure(
    'InvalidInput',
    `${name} cannot be started under this workflow id: it has ${length} bytes, and the ids of its stages begin with it. ` +
      `Expected ${LONGEST_ID} at most.`,
  );
  setCurrentDetails(fitted([plain(refusal.message)]));
  throw refusal;
}
