import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType } from '@temporalio/workflow';
import { TASK_QUEUES } from '../contracts/names.ts';

/**
 * Time-outs and retries of every activity, in one table.
 *
 * Each profile is whole: a missing retry policy would be Temporal's own, which retries for ever.
 * Which failures are worth a retry is decided by type in contracts/errors.ts.
 */
export const POLICIES = {
  /** Reads the configuration in memory: no I/O, so a local activity. */
  settings: {
    startToCloseTimeout: '5 seconds',
    retry: { maximumAttempts: 3 },
  },
  /**
   * The settings of a steward: it holds alerts, which would be forgotten if it failed, so it asks until it has them. Not
   * a local activity: that one holds the workflow task open, and Temporal takes back a task that keeps 100 signals waiting.
   */
  stewardSettings: {
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '5 seconds',
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: Number.POSITIVE_INFINITY },
  },
  /** What a steward asks Temporal before a retrain: its lists can be away for hours while workflows run, and see above. */
  stewardSearch: {
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '20 seconds',
    retry: {
      initialInterval: '200 milliseconds',
      maximumInterval: '30 seconds',
      maximumAttempts: Number.POSITIVE_INFINITY,
    },
  },
  /**
   * The first call to MLflow: a person waits, so a server that is down is told within 15 s. A cancelled workflow waits for
   * its answer, so that a run which was made is known, and closed.
   */
  firstContact: {
    taskQueue: TASK_QUEUES.orchestration,
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
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '1 minute',
    heartbeatTimeout: '10 seconds',
    scheduleToCloseTimeout: '10 minutes',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '20 seconds', maximumAttempts: 20 },
  },
  /** Asks the lock or a steward, or starts a retrain; only Temporal is needed, which is there when a workflow runs. */
  lock: {
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '20 seconds',
    retry: { initialInterval: '200 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
  },
  /**
   * Whether the lock is still held. A local activity, so that it is asked in the very workflow task that changes something:
   * a workflow cannot be reset to a point between the two. It asks the lock only when the workflow was reset.
   */
  lockCheck: {
    startToCloseTimeout: '10 seconds',
    retry: { initialInterval: '200 milliseconds', maximumAttempts: 5 },
  },
  /** Waits for the end of a workflow, however long it takes: heartbeats tell a dead worker from a slow holder. */
  watch: {
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '365 days',
    heartbeatTimeout: '10 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '200 milliseconds',
      maximumInterval: '10 seconds',
      maximumAttempts: Number.POSITIVE_INFINITY,
    },
  },
  /** Tells people, each target within its own limit and retries. What cannot be told soon is not worth telling. */
  notify: {
    taskQueue: TASK_QUEUES.orchestration,
    startToCloseTimeout: '2 minutes',
    scheduleToCloseTimeout: '10 minutes',
    retry: { initialInterval: '5 seconds', maximumAttempts: 2 },
  },
  /**
   * A step that computes. Its own time-out is set for each call from mediwatch.yaml; heartbeats, sent by timer, tell a
   * dead worker within 20 s. A workflow waits until a cancelled step's processes are gone.
   */
  step: {
    taskQueue: TASK_QUEUES.training,
    heartbeatTimeout: '20 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '20 seconds', maximumAttempts: 8 },
  },
  /** Starts, verifies, switches and stops API processes. The verification takes up to deployment.healthTimeout. */
  deployment: {
    taskQueue: TASK_QUEUES.deployment,
    startToCloseTimeout: '30 minutes',
    heartbeatTimeout: '20 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds', maximumAttempts: 6 },
  },
} as const satisfies Record<string, ActivityOptions | LocalActivityOptions>;

/** Time that an attempt may take beyond the step's own time-out, for transfers and clean-up (seconds). */
export const STEP_SLACK_SECONDS = 120;
