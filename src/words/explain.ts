import { knownFailure } from '../contracts/errors.ts';
import { STAGE_TITLES, TAGS } from '../contracts/names.ts';
import type { Facts, Progress, StageProgress, WorkflowFailure } from '../contracts/progress.ts';
import type { WorkflowName } from '../contracts/workflows.ts';

/** What a failed workflow says to whoever finds it. */
export interface Explanation {
  happened: string;
  /** What was left as it was, or was put back. */
  left: string;
  next: string;
}

interface Failed extends Progress {
  failure: WorkflowFailure;
}

/** Explains a failure to whoever finds the workflow: what happened, what was left as it was, and what to do. */
export function explainFailure(progress: Progress, failure: WorkflowFailure): Explanation {
  const failed = { ...progress, failure };
  return { happened: whatHappened(failed), left: whatWasLeft(failed), next: whatToDo(failed) };
}

function whatHappened({ failure: { type, message, cancelled, child }, stages }: Failed): string {
  const stage = stageOfFailure(stages);
  const title = stage && STAGE_TITLES[stage];
  if (cancelled) return `It was cancelled${title ? ` during "${title}"` : ''}.`;
  const place = [title && `in "${title}"`, child && `in the child workflow ${child}`].filter(Boolean).join(', ');
  const bare = withoutAdvice(type, message);
  return place ? `Failed ${place}: ${bare}` : bare;
}

function whatWasLeft(failed: Failed): string {
  const ended = failed.failure.cancelled ? ENDED : null;
  const left = failed.dryRun ? 'A dry run changes nothing.' : LEFT[failed.workflow](failed);
  return [ended, left].filter(Boolean).join(' ');
}

const ENDED = 'What it had started was ended: the processes of its steps are gone, and its MLflow run is closed.';
const UNTOUCHED = 'What is in Production, and the API, are unchanged.';

const LEFT: Record<WorkflowName, (failed: Failed) => string> = {
  prepareData: () =>
    'No data set was made; those made before are still in the artifact store. Nothing else was touched.',
  hyperparameterSearch: () => `No model was trained. Trials that had finished are kept in MLflow. ${UNTOUCHED}`,
  trainBestAndRegister: ({ facts }) =>
    `${facts.registered ? staysRegistered(facts.registered) : 'No version became the challenger.'} ${UNTOUCHED}`,
  retrain: leftByRetrain,
  promote: leftInProduction,
  rollback: leftInProduction,
  redeploy: ({ facts }) => leftServing(facts),
  buildImage: () => 'Nothing that runs was touched; images that were built before are kept.',
  driftCheck: ({ facts }) =>
    facts.alerted
      ? 'The steward has the alert. Nothing else was changed.'
      : 'The steward got no alert, so no retrain was started. Nothing was changed.',
  driftSteward: () => 'A retrain that it had started goes on without it. Alerts that it knew are forgotten.',
};

function leftByRetrain({ stages, facts, failure }: Failed): string {
  const { registered, putBack } = facts;
  const { type } = failure;
  const stage = stageOfFailure(stages);
  if (!registered) {
    const searched = stages.some(({ name, state }) => name === 'hyperparameterSearch' && state !== 'waiting');
    const trials = searched && stage !== 'prepareData' ? ' Trials that had finished are kept in MLflow.' : '';
    return `No version became the challenger.${trials} ${UNTOUCHED}`;
  }
  if (typeof putBack === 'string') return notPutBack(putBack);
  if (facts.promotedTo && !putBack) {
    const answers = facts.deployed ? ', and the API answers with it' : '';
    return `Version ${registered} is in ${facts.promotedTo}${answers}. Only what was to come after that was not done.`;
  }
  if (stage !== 'promote' && stage !== 'redeploy') return `${staysRegistered(registered)} ${UNTOUCHED}`;
  if (type === 'ApprovalRejected') return `${staysRegistered(registered)} It was not promoted. ${UNTOUCHED}`;
  return (
    `Version ${registered} stays registered, and is not in Production. What its promotion had changed was put back: ` +
    'the version before it is in Production and answers. The page of the child workflow says more.'
  );
}

/** Of a workflow that changes what is in Production. */
function leftInProduction({ facts, workflow }: Failed): string {
  const { version, inProduction, putBack, deployed, unmarked } = facts;
  if (unmarked) {
    const answers = deployed ? ', and the API answers with it' : '';
    return `Version ${version} is in Production${answers}. Only version ${unmarked} is not marked as rolled back.`;
  }
  if (typeof putBack === 'string') return notPutBack(putBack);
  const now = inProductionText(inProduction);
  if (putBack) return `The registry was put back as it was: ${now}. The API that served before still serves.`;
  const verb = workflow === 'promote' ? 'promoted' : 'brought back';
  const not = version === undefined ? `Nothing was ${verb}` : `Version ${version} was not ${verb}`;
  return `${not}: ${inProduction === undefined ? 'registry and API are unchanged' : now}. The API was not touched.`;
}

const notPutBack = (why: string) =>
  `The registry could not be put back (${why}): it and the API may disagree on the version in Production.`;

function leftServing({ serving }: Facts): string {
  if (serving === undefined) return 'The API was not touched: what served before still serves.';
  if (serving === null) return 'No version served before, and none serves now. What had been started was stopped.';
  return `Version ${serving} still serves, with all requests. What had been started beside it was stopped.`;
}

function inProductionText(version: string | null | undefined): string {
  if (version === undefined) return 'the same version is in Production';
  return version === null ? 'nothing is in Production' : `version ${version} is in Production`;
}

const staysRegistered = (version: string) => `Version ${version} stays registered as the challenger.`;

/** The message of a failure without the advice of its type, which ends it. */
export function withoutAdvice(type: string | null, message: string): string {
  const advice = knownFailure(type)?.next;
  return advice && message.endsWith(advice) ? message.slice(0, -advice.length).trim() : message;
}

function whatToDo(failed: Failed): string {
  const { workflowId, facts, failure } = failed;
  const { type, cancelled, child } = failure;
  if (facts.unmarked) {
    const tag = `the tag ${TAGS.rolledBack} of version ${facts.unmarked}`;
    return `Set ${tag} in MLflow to the reason, so that no later retrain promotes that version again. Nothing else is to be done.`;
  }
  const repair =
    typeof facts.putBack === 'string' && 'Type "mediwatch doctor --fix-aliases", then "mediwatch redeploy".';
  if (cancelled) {
    return `${repair || 'Nothing has to be cleaned up.'} Start it again when you want it: "Start Workflow Like This One".`;
  }
  const known = knownFailure(type);
  return [
    repair,
    known?.next ?? 'The event history below shows the failed event with all its details.',
    known?.see === 'log' && `"mediwatch logs ${child ?? workflowId}" shows what the step wrote.`,
    known?.see === 'doctor' && '"mediwatch doctor" checks all that the service needs.',
    !(known?.isDecision || type === 'InvalidInput') && againText(failed),
  ]
    .filter(Boolean)
    .join(' ');
}

/** What a long run has done is not done again when it is reset. */
function againText({ stages, workflow }: Failed): string {
  const stage = stageOfFailure(stages);
  const hasDone = stages.some(({ state }) => state === 'done');
  if (workflow === 'retrain' && hasDone) {
    const failed = stage ? `"${STAGE_TITLES[stage]}"` : 'the step that failed';
    return (
      `Then choose "Reset" on this page, with the last "Workflow Task Completed" before ${failed} ` +
      'was started: it goes on from there, and keeps what was done before.'
    );
  }
  return 'Then start it again: "Start Workflow Like This One" on this page takes the same input.';
}

/** The stage in which it failed or was cancelled. */
function stageOfFailure(stages: readonly StageProgress[]): StageProgress['name'] | undefined {
  return stages.findLast(({ state }) => state === 'failed' || state === 'cancelled')?.name;
}
