import { defineSearchAttributeKey } from '@temporalio/common';

/** Search attributes by which the Temporal UI finds and lists our workflows. The worker registers them. */
export const SEARCH_ATTRIBUTES = {
  model: defineSearchAttributeKey('MediwatchModel', 'KEYWORD'),
  version: defineSearchAttributeKey('MediwatchVersion', 'KEYWORD'),
  trigger: defineSearchAttributeKey('MediwatchTrigger', 'KEYWORD'),
  stage: defineSearchAttributeKey('MediwatchStage', 'KEYWORD'),
  /** `approval` while a person is asked, `lock` while another workflow changes Production */
  waiting: defineSearchAttributeKey('MediwatchWaiting', 'KEYWORD'),
  driftShare: defineSearchAttributeKey('MediwatchDriftShare', 'DOUBLE'),
  testAuc: defineSearchAttributeKey('MediwatchTestAuc', 'DOUBLE'),
};

/** What a query is about, where it does not stand still. */
export interface QueryValues {
  registeredModel: string;
  /** ISO 8601: Temporal knows no time relative to now. */
  aDayAgo: string;
  testAuc: number;
  driftShare: number;
}

export interface SavedQuery {
  /** What it is called in the list of saved views. */
  name: string;
  /** Which workflows it finds. */
  about: string;
  /** A list filter of Temporal. */
  filter(values: QueryValues): string;
}

const { model, stage, trigger, waiting, testAuc, driftShare } = SEARCH_ATTRIBUTES;
const RUNNING = 'ExecutionStatus = "Running"';
const NO_STAGE = 'ParentWorkflowId IS NULL';
const RETRAIN = 'WorkflowType = "retrain"';
const NO_SERVICE = 'WorkflowType != "modelLock" AND WorkflowType != "driftSteward"';

/** What operators look for in the Temporal UI, by names for the command line. */
export const SAVED_QUERIES = {
  running: {
    name: 'Running',
    about: 'what runs now, without stages, locks and stewards',
    filter: () => `${RUNNING} AND ${NO_STAGE} AND ${NO_SERVICE}`,
  },
  approval: {
    name: 'Waiting for approval',
    about: 'promotions that a person must decide about; each takes the update decide',
    filter: () => `${RUNNING} AND ${waiting.name} = "approval"`,
  },
  lock: {
    name: 'Waiting for the lock',
    about: 'what waits while another workflow changes Production',
    filter: () => `${RUNNING} AND ${waiting.name} = "lock"`,
  },
  failed: {
    name: 'Failed in the last day',
    about: 'what failed, was terminated or ran out of time in the last 24 hours',
    filter: ({ aDayAgo }) =>
      `(ExecutionStatus = "Failed" OR ExecutionStatus = "Terminated" OR ExecutionStatus = "TimedOut") AND CloseTime > ${text(aDayAgo)} AND ${NO_STAGE}`,
  },
  drift: {
    name: 'Retrains by drift',
    about: 'retrains that a steward started because of drift',
    // The UI shows a value with a space cut short.
    filter: () => `${RETRAIN} AND ${trigger.name} STARTS_WITH "drift"`,
  },
  scheduled: {
    name: 'Started by a schedule',
    about: 'what a schedule started',
    filter: () => 'TemporalScheduledById IS NOT NULL',
  },
  promoted: {
    name: 'Promoted to Production',
    about: 'retrains and promotions that brought a version to Production',
    filter: () =>
      `(${RETRAIN} OR WorkflowType = "promote") AND ${stage.name} = "Production" AND ExecutionStatus = "Completed" AND ${NO_STAGE}`,
  },
  'low-auc': {
    name: 'Retrains with a low AUC',
    about: 'retrains whose test AUC is below a bound',
    filter: ({ testAuc: bound }) => `${RETRAIN} AND ${testAuc.name} < ${bound}`,
  },
  'high-drift': {
    name: 'Drift checks with much drift',
    about: 'drift checks in which at least this share of the features drifted',
    filter: ({ driftShare: bound }) => `WorkflowType = "driftCheck" AND ${driftShare.name} >= ${bound}`,
  },
  model: {
    name: 'One model',
    about: 'all that was started for one registered model',
    filter: ({ registeredModel }) => `${model.name} = ${text(registeredModel)} AND ${NO_STAGE}`,
  },
  services: {
    name: 'Stewards and locks',
    about:
      'the workflow of each model that takes its drift alerts, and the one that lets its changes happen one at a time',
    filter: () => `${RUNNING} AND (WorkflowType = "driftSteward" OR WorkflowType = "modelLock")`,
  },
  starts: {
    name: 'Without stages',
    about: 'what people, schedules and stewards started, without the stages of a retrain',
    filter: () => `${NO_STAGE} AND ${NO_SERVICE}`,
  },
} as const satisfies Record<string, SavedQuery>;

export type SavedQueryName = keyof typeof SAVED_QUERIES;

/** A text as a value of a list filter; one with quotation marks ends no filter early, but Temporal finds nothing by it. */
function text(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}
