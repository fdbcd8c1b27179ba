import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { wrongFields } from '../contracts/schemas/wrong.ts';
import { type PromoteInput, type RetrainInput, WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { CommandError, EXIT } from './exit.ts';
import { nameOf } from './flags.ts';

/** An input that the schema of its workflow takes; of these fields, those that it has. */
export type CheckedInput = Partial<
  Pick<
    RetrainInput & PromoteInput,
    'registeredModel' | 'version' | 'stage' | 'approval' | 'force' | 'policy' | 'dryRun'
  >
>;

/**
 * Checks an input by the workflow's own schema, before anything is started.
 *
 * @throws {CommandError} naming each wrong flag
 */
export function checkInput(workflow: WorkflowName, input: Record<string, unknown>): CheckedInput {
  const schema = WORKFLOWS[workflow].input;
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields = wrongFields(parsed.error.issues, { schema, value: input, written: 'json' });
  const wrong = fields.map(({ path, message }) => `${nameOf(path[0])}: ${message}`);
  throw new CommandError(EXIT.usage, `Nothing was started. ${wrong.join('; ')}.`);
}

/** A file as the shell completed it becomes absolute; one that is not here is the worker's, and stays as it is. */
export function dataPath(path: string, cwd: string): string {
  const here = resolve(cwd, path);
  return statSync(here, { throwIfNoEntry: false })?.isFile() ? here : path;
}
