import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType } from '@temporalio/workflow';
import type { Activities, ActivitiesByRole } from '../activities/index.ts';
import { LAST_STEP } from '../domain/study.ts';
import { paramsText } from '../words/numbers.ts';

/**
 * Profiles of time-outs and retries. Each is whole: a missing retry policy would be Temporal's own, which retries for
 * ever. Which failures are worth a retry is decided by type in contracts/errors.ts.
 */
export const PROFILES = {
  /** Reads the configuration in memory, and its file if that has changed: a local activity. */
  settings: {
    local: true,
    startToCloseTimeout: '5 seconds',
    retry: { maximumAttempts: 3 },
  },
  /**
   * The settings of a steward: it holds alerts, which would be forgotten if it failed, so it asks until it has them. Not
   * a local activity: that one holds the workflow task open, and Temporal takes back a task that keeps 100 signals waiting.
   */
  stewardSettings: {
    startToCloseTimeout: '5 seconds',
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: Number.POSITIVE_INFINITY },
  },
  /** What a steward asks Temporal before a retrain: its lists can be away for hours while workflows run, and see above. */
  stewardSearch: {
    startToCloseTimeout: '20 seconds',
    retry: {
      initialInterval: '200 milliseconds',
      maximumInterval: '30 seconds',
      maximumAttempts: Number.POSITIVE_INFINITY,
    },
  },
  /**
   * The first call to MLflow: a person waits, so a server that is down is reported within 15 s. A cancelled workflow waits for
   * its answer, so that a run which was made is known, and closed.
   */
  firstContact: {
    startToCloseTimeout: '40 seconds',
    heartbeatTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumAttempts: 4 },
  },
  /**
   * Short calls to MLflow in the middle of a run: work would be lost, so an outage of five minutes is sat out. A cancelled
   * workflow waits for a call under way: what is put back must not be changed after that by what it undoes.
   */
  registry: {
    startToCloseTimeout: '1 minute',
    heartbeatTimeout: '10 seconds',
    scheduleToCloseTimeout: '10 minutes',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '20 seconds', maximumAttempts: 20 },
  },
  /** The same for calls that read all files of a version, which may be large; each transfer has its own limit. */
  files: {
    startToCloseTimeout: '20 minutes',
    heartbeatTimeout: '10 seconds',
    scheduleToCloseTimeout: '30 minutes',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '20 seconds', maximumAttempts: 20 },
  },
  /** Asks the lock or a steward, or starts a retrain; only Temporal is needed, which is there when a workflow runs. */
  lock: {
    startToCloseTimeout: '20 seconds',
    retry: { initialInterval: '200 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
  },
  /**
   * Whether the lock is still held. A local activity, so that it is asked in the very workflow task that changes something:
   * a workflow cannot be reset to a point between the two. It asks the lock only when the workflow was reset.
   */
  lockCheck: {
    local: true,
    startToCloseTimeout: '10 seconds',
    retry: { initialInterval: '200 milliseconds', maximumAttempts: 5 },
  },
  /** Waits for the end of a workflow, however long it takes: heartbeats tell a dead worker from a slow holder. */
  watch: {
    startToCloseTimeout: '365 days',
    heartbeatTimeout: '1 minute',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '200 milliseconds',
      maximumInterval: '10 seconds',
      maximumAttempts: Number.POSITIVE_INFINITY,
    },
  },
  /** Tells people, each target within its own limit and retries. What cannot be told soon is not worth telling. */
  notify: {
    startToCloseTimeout: '2 minutes',
    scheduleToCloseTimeout: '10 minutes',
    retry: { initialInterval: '5 seconds', maximumAttempts: 2 },
  },
  /**
   * A step that computes. Its time-out and retries are those of the plan, from mediwatch.yaml; heartbeats, sent by timer, tell a
   * dead worker within 20 s. A workflow waits until a cancelled step's processes are gone.
   */
  step: {
    heartbeatTimeout: '20 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '20 seconds', maximumAttempts: 8 },
  },
  /** Starts, verifies, switches and stops API processes. The verification takes up to deployment.healthTimeout. */
  deployment: {
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '20 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds', maximumAttempts: 6 },
  },
} as const satisfies Record<string, (ActivityOptions | LocalActivityOptions) & { local?: true }>;

/** Time that an attempt may take beyond the step's own time-out, for transfers and clean-up (seconds). */
export const STEP_SLACK_SECONDS = 120;

type RoleOf<Name> = {
  [Role in keyof ActivitiesByRole]: Name extends keyof ActivitiesByRole[Role] ? Role : never;
}[keyof ActivitiesByRole];

interface Entry<Name extends keyof Activities> {
  /** Role of the workers that run it, which have a task queue of their own. */
  queue: RoleOf<Name>;
  profile: keyof typeof PROFILES;
  /** The UI's line for a call: what is done, and to what. */
  summary(input: Parameters<Activities[Name]>[0]): string;
}

/** Every activity: where it runs, its time-outs and retries, and what the UI says of it. */
export const ACTIVITIES = {
  resolvePlan: {
    queue: 'orchestration',
    profile: 'settings',
    summary: ({ workflow, input }) =>
      `lay the input of ${workflow} over the settings of ${input.registeredModel ?? 'the default model'}`,
  },
  /** The settings of a steward: see its profile. */
  resolveStewardPlan: {
    queue: 'orchestration',
    profile: 'stewardSettings',
    summary: ({ input }) => `read the settings of the steward of ${input.registeredModel ?? 'the default model'}`,
  },
  openRun: {
    queue: 'orchestration',
    profile: 'firstContact',
    summary: ({ purpose }) => `open the MLflow run for ${purpose}`,
  },
  closeRun: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ status }) => `close the MLflow run as ${status.toLowerCase()}`,
  },
  recordPruned: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ number, step }) => `write down that trial ${number} ended on ${step}/${LAST_STEP} of the rows`,
  },
  registerVersion: {
    queue: 'orchestration',
    profile: 'files',
    summary: ({ registeredModel }) => `register a new version of ${registeredModel}, as its challenger`,
  },
  describeVersion: {
    queue: 'orchestration',
    profile: 'files',
    summary: ({ registeredModel, version }) =>
      `look up ${version === null ? 'the newest version' : `version ${version}`} of ${registeredModel}`,
  },
  readRegistry: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ registeredModel }) => `read which version of ${registeredModel} is in which stage`,
  },
  beginChange: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ registeredModel }) => `remember the stages and aliases of ${registeredModel} before they change`,
  },
  promoteVersion: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ version, registryStage }) => `move version ${version} to ${registryStage}`,
  },
  restoreRegistry: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ registeredModel }) => `put the stages and aliases of ${registeredModel} back as they were`,
  },
  recordVerdict: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ version, judgement }) =>
      `record that the gate ${judgement.promote ? 'passes' : 'refuses'} version ${version}`,
  },
  recordProduction: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ entry: { version, reason } }) =>
      `record that ${version === null ? 'nothing' : `version ${version}`} is in Production (${reason.code})`,
  },
  markRolledBack: {
    queue: 'orchestration',
    profile: 'registry',
    summary: ({ version }) => `mark version ${version} as rolled back`,
  },
  admitDecision: {
    queue: 'orchestration',
    profile: 'lock',
    summary: ({ decision, version }) => `may ${decision.by} ${decision.decision} version ${version}?`,
  },
  audit: {
    queue: 'orchestration',
    profile: 'lock',
    summary: ({ event, version }) => `write down: ${event}, version ${version}`,
  },
  askForLock: {
    queue: 'orchestration',
    profile: 'lock',
    summary: ({ registeredModel, request }) => `ask for the lock of ${registeredModel} to ${request.purpose}`,
  },
  holdsLock: {
    queue: 'orchestration',
    profile: 'lockCheck',
    summary: ({ registeredModel }) => `is the lock of ${registeredModel} still ours?`,
  },
  awaitWorkflowEnd: {
    queue: 'orchestration',
    profile: 'watch',
    summary: ({ workflowId }) => `watch the holder of the lock: ${workflowId}`,
  },
  raiseAlert: {
    queue: 'orchestration',
    profile: 'lock',
    summary: ({ registeredModel }) => `alert the steward of ${registeredModel}`,
  },
  ensureSteward: {
    queue: 'orchestration',
    profile: 'lock',
    summary: ({ registeredModel }) => `start the steward of ${registeredModel} unless it runs`,
  },
  findRetrain: {
    queue: 'orchestration',
    profile: 'stewardSearch',
    summary: ({ registeredModel }) => `is a retrain of ${registeredModel} under way?`,
  },
  startRetrain: { queue: 'orchestration', profile: 'lock', summary: ({ workflowId }) => `start ${workflowId}` },
  awaitRetrain: {
    queue: 'orchestration',
    profile: 'watch',
    summary: ({ workflowId }) => `wait until ${workflowId} has ended`,
  },
  earlierChecks: {
    queue: 'orchestration',
    profile: 'notify',
    summary: ({ registeredModel }) => `look whether the checks of ${registeredModel} before this one judged anything`,
  },
  notify: {
    queue: 'orchestration',
    profile: 'notify',
    summary: ({ event, title }) => `notify people of ${event}: ${title}`,
  },
  prepareDataset: { queue: 'training', profile: 'step', summary: ({ data }) => `prepare ${data}` },
  proposeTrials: {
    queue: 'training',
    profile: 'step',
    summary: ({ count }) => `propose ${count === 1 ? 'a trial' : `${count} trials`}`,
  },
  runRung: {
    queue: 'training',
    profile: 'step',
    summary: ({ number, params, step }) => `trial ${number} on ${step}/${LAST_STEP} of the rows: ${paramsText(params)}`,
  },
  runTrial: {
    queue: 'training',
    profile: 'step',
    summary: ({ number, params }) => `trial ${number}: ${paramsText(params)}`,
  },
  runSearch: {
    queue: 'training',
    profile: 'step',
    summary: ({ registeredModel, trials }) =>
      `search of ${registeredModel ?? 'the model'}: ${trials} trials by one command`,
  },
  trainModel: {
    queue: 'training',
    profile: 'step',
    summary: ({ model }) => `fit ${model} on train and validation, score the test split`,
  },
  compareVersions: {
    queue: 'training',
    profile: 'step',
    summary: ({ challenger, champion }) =>
      `score ${champion === null ? `version ${challenger}` : `versions ${challenger} and ${champion}`} on the test split`,
  },
  writeReport: {
    queue: 'training',
    profile: 'step',
    summary: ({ version, outcome }) =>
      outcome ? `draw the report on version ${version} again, with its outcome` : `report on version ${version}`,
  },
  runExtraStep: { queue: 'training', profile: 'step', summary: ({ name }) => `run the command ${name} of the project` },
  makeDriftReport: {
    queue: 'training',
    profile: 'step',
    summary: ({ registeredModel, log }) =>
      `drift report of ${registeredModel} from ${log || 'the prediction log of the API'}`,
  },
  serving: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ registeredModel } = {}) => `which version of ${registeredModel ?? 'the model'} answers now?`,
  },
  preflight: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ version }) => `check that version ${version} can be deployed`,
  },
  bringUpCandidate: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ version }) => `start a candidate of version ${version} and verify it`,
  },
  shiftTraffic: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ key, share }) => shiftText(versionOf(key), share),
  },
  traffic: {
    queue: 'deployment',
    profile: 'deployment',
    summary: () => 'how the candidate and the API before it answered',
  },
  idle: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ registeredModel } = {}) => `which APIs of ${registeredModel ?? 'the model'} run without serving?`,
  },
  stopIdle: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ key, force }) => `stop the API of ${versionOf(key)}${force ? '' : ', which does not serve'}`,
  },
  buildRuntimeImage: { queue: 'deployment', profile: 'deployment', summary: () => 'build and push the runtime image' },
  bakeImage: {
    queue: 'deployment',
    profile: 'deployment',
    summary: ({ version }) => `build and push the image with version ${version}`,
  },
} as const satisfies { [Name in keyof Activities]: Entry<Name> };

type NamesOn<Role> = {
  [Name in keyof Activities]: (typeof ACTIVITIES)[Name]['queue'] extends Role ? Name : never;
}[keyof Activities];

/** What the workers of a role register: the rows of its queue, each with its implementation. */
export function registeredOn<Role extends keyof ActivitiesByRole>(
  role: Role,
  implementations: Pick<Activities, NamesOn<Role>>,
): Record<string, (input: never) => Promise<unknown>> {
  const rows = Object.entries(implementations).filter(([name]) => ACTIVITIES[name as keyof Activities]?.queue === role);
  return Object.fromEntries(rows) as Record<string, (input: never) => Promise<unknown>>;
}

function shiftText(version: string, share: number): string {
  if (share === 0) return `take the requests back from ${version}`;
  return share === 1 ? `all requests to ${version}` : `${Math.round(share * 100)} % of the requests to ${version}`;
}

/** `3-1a2b3c4d`, `staging-3-1a2b3c4d` → `version 3`: APIs are named after their version. */
function versionOf(key: string): string {
  const version = /^(?:staging-)?(\d+)-/.exec(key)?.[1];
  return version === undefined ? key : `version ${version}`;
}
