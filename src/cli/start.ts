import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { TASK_QUEUES, workflowIds } from '../contracts/names.ts';
import { type InputOf, WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { startedWith } from '../systems/startedWith.ts';
import { code, fitted, jsonBlock, plain, shorten } from '../words/markdown.ts';
import { wrongFields } from '../words/wrongFields.ts';
import { user } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { nameOf } from './flags.ts';
import { describe, find, goesOn, type Target, targetOf } from './follow/target.ts';
import type { Session } from './session.ts';

interface Start {
  workflow: WorkflowName;
  input: { registeredModel?: string | undefined; dryRun?: boolean | undefined };
  /** Given by whoever may start twice and wants one: a script, a cron job. */
  id: string | undefined;
  /** Whether one of this id that runs or has completed is as good as a new one: it is followed. */
  join: boolean;
}

/** What is followed, and whether it had been started before. */
export interface Started {
  target: Target;
  already: boolean;
}

/**
 * Looks for what is in the place of a start with a given id: one that runs or has completed is never run twice.
 *
 * @returns null when there is nothing in its way
 * @throws {CommandError} when there is, unless it is to be joined and is of the same kind
 */
export async function startedBefore(session: Session, start: Start): Promise<Started | null> {
  if (start.id === undefined || start.input.dryRun) return null;
  const earlier = await find(session, start.id);
  const isInTheWay = earlier && (goesOn(earlier) || earlier.status.name === 'COMPLETED');
  return isInTheWay ? await joined(session, start, earlier) : null;
}

/**
 * Starts a workflow. One of the same id that runs or has completed is never run twice; one that failed is, and a dry run.
 *
 * @throws {CommandError} when the id is that of such a one, unless it is to be joined and is of the same kind
 */
export async function startWorkflow(session: Session, start: Start): Promise<Started> {
  const { client, config } = session;
  const { workflow, input } = start;
  const { WorkflowExecutionAlreadyStartedError } = await import('@temporalio/client');
  const startedAt = new Date();
  const { registeredModel = config.registry.registeredModel } = input;
  const workflowId = idOf(start, startedAt);
  try {
    const handle = await client.workflow.start(workflow, {
      taskQueue: TASK_QUEUES.orchestration,
      workflowId,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: input.dryRun ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
      args: [input],
      ...metadataOf({ workflow, input, registeredModel, by: user() }),
    });
    const { firstExecutionRunId: runId } = handle;
    return { target: { workflow, workflowId, runId, startedAt: startedAt.getTime() }, already: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return await joined(session, start, await describe(session, workflowId));
  }
}

/** Of a dry run it is another one than that of what it is the rehearsal of: neither must be taken for the other. */
function idOf({ workflow, input, id }: Start, now: Date): string {
  if (id === undefined) return workflowIds.started(workflow, now);
  return input.dryRun ? `${id}-dry-run` : id;
}

/** @throws {CommandError} unless what was started earlier is to be joined, and is of the same kind */
async function joined(
  { client }: Session,
  { workflow, input, join }: Start,
  earlier: WorkflowExecutionDescription,
): Promise<Started> {
  const isSame = earlier.type === workflow;
  // Also under the id of a real run, when it was started elsewhere.
  const isDry = isSame && !input.dryRun && (await startedWith(client, earlier)).dryRun === true;
  if (join && isSame && !isDry) return { target: targetOf(earlier), already: true };
  const { workflowId } = earlier;
  const what = isDry ? 'dry run' : isSame ? 'workflow' : earlier.type;
  const state = goesOn(earlier) ? 'runs' : 'has completed';
  const next = isSame && !isDry ? `Follow it with "mediwatch follow ${workflowId}", or choose` : 'Choose';
  throw new CommandError(
    EXIT.usage,
    `Nothing was started: a ${what} "${workflowId}" ${state} already. ${next} another --id.`,
  );
}

/** The fields of an input by which a summary tells workflows of a type apart. */
interface Fields {
  version?: string;
  registryStage?: string;
  dryRun?: boolean;
}

interface StartedBy {
  workflow: WorkflowName;
  input: object;
  registeredModel: string;
  /** The user who typed the command. */
  by: string;
}

/** What Temporal's lists and a workflow's page say of a start by this command. */
export function metadataOf({ workflow, input, registeredModel, by }: StartedBy) {
  const fields: Fields = input;
  const does = WORDS[workflow](registeredModel, fields);
  const given = Object.keys(input).length > 0;
  return {
    staticSummary: shorten(`${fields.dryRun ? 'Dry run: ' : ''}${does}, by ${by}`),
    staticDetails: fitted([
      `Started by ${plain(by)} with ${code('mediwatch')}.`,
      given ? 'The input that was given:' : 'No input was given: the settings of mediwatch.yaml hold.',
      given && jsonBlock(input),
    ]),
  };
}

const versionOf = (model: string, version: string | undefined, otherwise: string) =>
  version === undefined ? `${otherwise} of ${model}` : `version ${version} of ${model}`;

const WORDS: Record<WorkflowName, (model: string, fields: Fields) => string> = {
  retrain: (model) => `Retrain ${model}`,
  prepareData: (model) => `Prepare the data of ${model}`,
  hyperparameterSearch: (model) => `Search hyperparameters for ${model}`,
  trainBestAndRegister: (model) => `Train and register a version of ${model}`,
  promote: (model, { version, registryStage = 'Production' }) =>
    `Promote ${versionOf(model, version, 'the newest version')}${registryStage === 'Production' ? '' : ` to ${registryStage}`}`,
  rollback: (model, { version }) => `Roll back to ${versionOf(model, version, 'the version before')}`,
  redeploy: (model, { version }) => `Redeploy ${versionOf(model, version, 'the Production version')}`,
  buildImage: (model, { version }) =>
    version === undefined
      ? `Build the runtime image of ${model}`
      : `Build an image with version ${version} of ${model}`,
  driftCheck: (model) => `Look for drift in the predictions of ${model}`,
  driftSteward: (model) => `Drift alerts of ${model}`,
};

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
