import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { WorkflowExecutionAlreadyStartedError, type WorkflowExecutionDescription } from '@temporalio/client';
import type { z } from 'zod';
import { TASK_QUEUES, workflowIds } from '../contracts/names.ts';
import { priorityOf } from '../contracts/priority.ts';
import { shorten } from '../contracts/text.ts';
import { WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { startedWith } from '../systems/startedWith.ts';
import { temporalLink } from '../words/links.ts';
import { code, fitted, jsonBlock, plain } from '../words/markdown.ts';
import { utcMinute } from '../words/numbers.ts';
import { type Cli, user } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { checkedBy, configOf } from './flags.ts';
import { follow } from './follow/follow.ts';
import { describe, find, goesOn, type Target, targetOf } from './follow/target.ts';
import { warnOfOtherSettings } from './otherSettings.ts';
import { changeOf, confirmChange } from './production.ts';
import { type Session, withSession } from './session.ts';

/** What was typed behind a command that starts a workflow. */
interface Typed {
  workflow: WorkflowName;
  /** As it was typed: not checked yet. */
  input: Record<string, unknown>;
  /** Given by whoever may start twice and wants one: a script, a cron job. */
  id: string | undefined;
  follow: boolean;
  dryRun: boolean;
  /** The answer is yes: nobody is asked. */
  yes: boolean;
  /** It may change Production: on a terminal it asks before. */
  asks?: true;
  /** Its dry run needs no workflow. */
  rehearses?: true;
}

/** An input that the schema of its workflow takes; of these fields, those that it has. */
interface Input {
  registeredModel?: string | undefined;
  undeclared?: boolean | undefined;
  version?: string | undefined;
  registryStage?: string | undefined;
  approval?: boolean | undefined;
  force?: boolean | undefined;
  policy?: string | undefined;
  dryRun?: boolean | undefined;
}

/**
 * Starts a workflow, and follows it if it is asked to.
 *
 * @throws {CommandError} when the input is wrong, the answer is no, or the id is that of another workflow
 */
export async function runStart(cli: Cli, typed: Typed): Promise<void> {
  const { workflow, dryRun, id } = typed;
  const given = { ...typed.input };
  for (const path of ['data', 'log']) {
    if (typeof given[path] === 'string') given[path] = pathHere(given[path], cli.io.cwd);
  }
  const input: Input = checkedBy<z.ZodObject>(WORKFLOWS[workflow].input, given, 'Nothing was started.');
  const own = configOf(cli, input.registeredModel, input.undeclared ?? false);
  if (typed.rehearses && dryRun) {
    const { rehearseRetrain } = await import('./rehearsal.ts');
    return await rehearseRetrain(cli, WORKFLOWS.retrain.input.parse(given));
  }
  warnOfOtherSettings(cli, cli.config());
  // What a real run did would be taken for what a dry one would do.
  const wanted = { workflow, input, id, join: id !== undefined && typed.follow && !dryRun };
  await withSession(cli, async (session) => {
    const startIt = async () => {
      if (typed.asks) await confirmChange(cli, own, changeOf(workflow, input, own), typed.yes || dryRun);
      return await startWorkflow(session, wanted);
    };
    // Nobody is asked about what was started before.
    const { target, already } = (await startedBefore(session, wanted)) ?? (await startIt());
    const { workflowId, runId, startedAt } = target;
    const { url } = temporalLink(session.config, workflowId);
    cli.emit({ event: 'started', workflow, workflowId, runId, url, already });
    cli.say(
      already
        ? `${workflowId} was started before, at ${utcMinute(startedAt)}: what it was given then counts. Following it.`
        : `Started ${workflowId}`,
    );
    cli.say(`  ${url}`);
    if (typed.follow) await follow(cli, session, target);
    else cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
  });
}

/**
 * A file or folder as the shell completed it, or a glob in a folder that is here, becomes absolute: the worker runs
 * elsewhere. What is not here is the worker's, and stays as it is.
 */
function pathHere(path: string, cwd: string): string {
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
const folderOf = (glob: string) => dirname(`${glob.slice(0, glob.search(GLOB))}x`);

interface Start {
  workflow: WorkflowName;
  input: Input;
  id: string | undefined;
  /** Whether one of this id that runs or has completed is as good as a new one: it is followed. */
  join: boolean;
}

/** What is followed, and whether it had been started before. */
interface Started {
  target: Target;
  already: boolean;
}

/** What is in the place of a start with a given id: one that runs or has completed is never run twice. */
async function startedBefore(session: Session, start: Start): Promise<Started | null> {
  if (start.id === undefined || start.input.dryRun) return null;
  const earlier = await find(session, start.id);
  const isInTheWay = earlier && (goesOn(earlier) || earlier.status.name === 'COMPLETED');
  return isInTheWay ? await joined(session, start, earlier) : null;
}

/** Starts a workflow. One of the same id that runs or has completed is not run twice; one that failed is, and a dry run. */
async function startWorkflow(session: Session, start: Start): Promise<Started> {
  const { client, config } = session;
  const { workflow, input, id } = start;
  const startedAt = new Date();
  const { registeredModel = config.registry.registeredModel } = input;
  // Neither a dry run nor what it rehearses must be taken for the other.
  const workflowId = id === undefined ? workflowIds.started(workflow, startedAt) : input.dryRun ? `${id}-dry-run` : id;
  try {
    const handle = await client.workflow.start(workflow, {
      taskQueue: TASK_QUEUES.orchestration,
      workflowId,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: input.dryRun ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
      args: [input],
      priority: priorityOf(workflow, registeredModel),
      ...metadataOf(workflow, input, registeredModel),
    });
    const { firstExecutionRunId: runId } = handle;
    return { target: { workflow, workflowId, runId, startedAt: startedAt.getTime() }, already: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return await joined(session, start, await describe(session, workflowId));
  }
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

/** What Temporal's lists and a workflow's page say of a start by this command. */
function metadataOf(workflow: WorkflowName, input: Input, registeredModel: string) {
  const by = user();
  const given = Object.keys(input).length > 0;
  return {
    staticSummary: shorten(
      `${input.dryRun ? 'Dry run: ' : ''}${SUMMARIES[workflow](registeredModel, input)}, by ${by}`,
    ),
    staticDetails: fitted([
      `Started by ${plain(by)} with ${code('mediwatch')}.`,
      given ? 'The input that was given:' : 'No input was given: the settings of mediwatch.yaml hold.',
      given && jsonBlock(input),
    ]),
  };
}

const versionOf = (model: string, version: string | undefined, otherwise: string) =>
  version === undefined ? `${otherwise} of ${model}` : `version ${version} of ${model}`;

const SUMMARIES: Record<WorkflowName, (model: string, input: Input) => string> = {
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
