import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type InputOf, WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { wrongFields } from '../words/wrongFields.ts';
import { CommandError, EXIT } from './exit.ts';
import { nameOf } from './flags.ts';

/** An input that the schema of its workflow takes; of these fields, those that it has. */
export type CheckedInput = Partial<
  Pick<
    InputOf<'retrain'> & InputOf<'promote'>,
    'registeredModel' | 'version' | 'registryStage' | 'approval' | 'force' | 'policy' | 'dryRun'
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
  const wrong = fields.map(({ path, message }) => `${nameOf(path[0], schema)}: ${message}`);
  throw new CommandError(EXIT.usage, `Nothing was started. ${wrong.join('; ')}.`);
}

/**
 * A file or folder as the shell completed it, or a glob in a folder that is here, becomes absolute: the worker runs
 * elsewhere. What is not here is the worker's, and stays as it is.
 */
export function pathHere(path: string, cwd: string): string {
  if (path === '') return path;
  const here = resolve(cwd, path);
  if (existsSync(here)) return here;
  // A folder above with such a character in its name would be taken for a part of the glob.
  const isGlobHere = GLOB.test(path) && !GLOB.test(cwd) && existsSync(folderOf(here));
  return isGlobHere ? here : path;
}

/** What means something in a glob of the Python steps. */
const GLOB = /[*?[]/;

/** The folder in which all is that a glob finds. */
function folderOf(glob: string): string {
  return dirname(`${glob.slice(0, glob.search(GLOB))}x`);
}
