import { z } from 'zod';
import type { Cli } from '../cli.ts';
import { configOf } from '../model.ts';
import { confirmWish, wishOf } from '../production/ask.ts';
import type { Found } from './find.ts';

/** Input of a workflow, as far as it tells whether Production is moved; whoever changed the schedule may have typed anything. */
const Input = z
  .object({
    registeredModel: z.string().optional(),
    version: z.string().optional(),
    stage: z.string().optional(),
    approval: z.boolean().optional(),
    policy: z.string().optional(),
    force: z.boolean().optional(),
  })
  .catch({});

/** What a schedule starts. */
export function scheduled({ actual: { action } }: Found) {
  const [input = {}] = action.args ?? [];
  return { workflow: action.workflowType, input };
}

/**
 * On a terminal, asks before a schedule's workflow moves Production.
 *
 * @throws {CommandError} when the answer is no
 */
export async function confirmScheduled(cli: Cli, found: Found, yes: boolean): Promise<void> {
  const { workflow, input } = scheduled(found);
  const fields = Input.parse(input);
  const own = configOf(cli, fields.registeredModel);
  await confirmWish(cli, own, wishOf(workflow, fields, own), yes);
}
