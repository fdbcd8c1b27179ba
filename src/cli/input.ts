import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { CommandError, EXIT } from './exit.ts';
import { nameOf } from './flags.ts';

/**
 * Checks an input by the workflow's own schema, before anything is started.
 *
 * @throws {CommandError} naming each wrong flag
 */
export function checkInput(workflow: WorkflowName, input: Record<string, unknown>): object {
  const parsed = WORKFLOWS[workflow].input.safeParse(input);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${nameOf(path[0])}: ${message}`);
  throw new CommandError(EXIT.usage, `Nothing was started. ${wrong.join('; ')}.`);
}

/** A file as the shell completed it becomes absolute; one that is not here is the worker's, and stays as it is. */
export function dataPath(path: string, cwd: string): string {
  const here = resolve(cwd, path);
  return statSync(here, { throwIfNoEntry: false })?.isFile() ? here : path;
}
