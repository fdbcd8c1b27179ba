/** Task queues by the role of the workers that serve them. */
export const TASK_QUEUES = {
  orchestration: 'mediwatch',
  training: 'mediwatch-training',
  deployment: 'mediwatch-deployment',
} as const;

/** What a worker may serve: each role is a task queue. */
export const WORKER_ROLES = ['orchestration', 'training', 'deployment'] as const satisfies (keyof typeof TASK_QUEUES)[];
export type WorkerRole = (typeof WORKER_ROLES)[number];

/** The five stages of a retrain, in order. Each is also a workflow type of its own. */
export const STAGES = ['prepareData', 'hyperparameterSearch', 'trainBestAndRegister', 'promote', 'redeploy'] as const;
export type Stage = (typeof STAGES)[number];

/** What each stage is called on a screen. */
export const STAGE_TITLES: Record<Stage, string> = {
  prepareData: 'Prepare data',
  hyperparameterSearch: 'Search hyperparameters',
  trainBestAndRegister: 'Train and register',
  promote: 'Promote',
  redeploy: 'Redeploy',
};

/** Aliases of a registered model, kept in step with MLflow's stages. */
export const ALIASES = { champion: 'champion', previous: 'previous', challenger: 'challenger' } as const;

/** Tags that the service writes on MLflow runs and model versions. */
export const TAGS = {
  /** idempotency key: one run or version a key */
  key: 'mediwatch.key',
  workflowId: 'mediwatch.workflow_id',
  dataset: 'mediwatch.dataset',
  /** how the data were split: scores on one split are no scores for what was trained on another */
  split: 'mediwatch.split',
  model: 'mediwatch.model',
  source: 'mediwatch.source',
  /** SHA-256 of the list of a version's files, and that list where it fits into a tag */
  digest: 'mediwatch.digest',
  files: 'mediwatch.files',
  /** SHA-256 of the file that an image takes from the run, where the model itself is none that it could hold */
  imageFile: 'mediwatch.image_file',
  trigger: 'mediwatch.trigger',
  /** link to the drift report that led to a version */
  driftReport: 'mediwatch.drift_report',
  /** address of the report page on a version */
  report: 'mediwatch.report',
  /** commit of the project's checkout */
  revision: 'mediwatch.revision',
  /** what a run was opened for: the name of its workflow */
  purpose: 'mediwatch.purpose',
  trial: 'mediwatch.trial',
  /** on the run of a pruned trial: after how much of it, as of 9 parts of the rows, or after how many of its scores */
  pruned: 'mediwatch.pruned',
  /** key of the step during which a run was opened */
  step: 'mediwatch.step',
  /** what came of a command, as JSON: a retry finds it */
  outcome: 'mediwatch.outcome',
  /** highest version of the registered model when a training began */
  versionsBefore: 'mediwatch.versions_before',
  testAuc: 'test_auc',
  verdict: 'mediwatch.verdict',
  rolledBack: 'mediwatch.rolled_back',
  /** prefix of the tags that hold the history of Production; the time follows */
  production: 'mediwatch.production.',
  comparison: 'mediwatch.comparison',
  /** stage that a retrain brought its version to: Production, Staging or None */
  promoted: 'mediwatch.promoted',
  /** why a workflow failed */
  failure: 'mediwatch.failure',
  failureType: 'mediwatch.failure_type',
  /** on a registered model: the registry as it was before the change that is under way, or was the latest */
  change: 'mediwatch.change',
} as const;

/**
 * Workflow ids, and what a second start with the same id means.
 *
 * People's starts carry a time stamp, so two are two workflows. The stages of a retrain are named after it, so a
 * stage can be found from its parent. There is one lock a registered model, and one a gateway: asking again joins its queue.
 */
export const workflowIds = {
  /** `retrain-2026-01-31T02-00-00-000Z`: started by a person, a script or a schedule. */
  started: (workflow: string, now: Date) => `${workflow}-${now.toISOString().replace(/[:.]/g, '-')}`,
  stage: (parentId: string, stage: Stage) => `${parentId}/${stage}`,
  /** @param locked a registered model, or the address of a gateway: see contracts/lock.ts */
  lock: (locked: string) => `modelLock/${locked}`,
  /** There is one steward a registered model: an alert starts it, or joins it. */
  steward: (registeredModel: string) => `driftSteward/${registeredModel}`,
  /** Named after the moment of the decision, which the steward remembers: starting it again starts it once. */
  driftRetrain: (registeredModel: string, decidedAt: Date) =>
    `retrain-drift-${registeredModel}-${decidedAt.toISOString().replace(/[:.]/g, '-')}`,
};

/** Whether a workflow id is that of a child workflow of this stage. */
export const isOfStage = (stage: Stage, workflowId: string | null): boolean =>
  workflowId?.endsWith(`/${stage}`) ?? false;

const STAGE_SUFFIX = new RegExp(`(/(${STAGES.join('|')}))+$`);

/** The workflow that people started, of one of its stages; one that is no stage stands for itself. */
export function starterOf(workflowId: string): string {
  return workflowId.replace(STAGE_SUFFIX, '');
}
