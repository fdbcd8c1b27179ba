import type { Priority } from '@temporalio/common';
import {
  type ActivityOptions,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../../activities/index.ts';
import { TASK_QUEUES } from '../../contracts/names.ts';
import type { StepLimits } from '../../contracts/plans.ts';
import { priorityOf } from '../../contracts/priority.ts';
import { shorten } from '../../contracts/text.ts';
import { ACTIVITIES, PROFILES, STEP_SLACK_SECONDS } from '../activityTable.ts';
import { rootMessage, wasCancelled } from './failures.ts';

type Name = keyof Activities;
/** Activities that run a step: their time-outs and retries come from the plan. */
type StepName = { [Key in Name]: (typeof ACTIVITIES)[Key]['profile'] extends 'step' ? Key : never }[Name];

const isStep = (name: Name): name is StepName => ACTIVITIES[name].profile === 'step';
const isLocal = (name: Name): boolean => 'local' in PROFILES[ACTIVITIES[name].profile];
const NAMES = Object.keys(ACTIVITIES) as Name[];

/**
 * Every activity but the steps. A call goes to the queue of the table, with its profile and the priority of its workflow, and
 * says in the UI what it does.
 */
export const activities: Omit<Activities, StepName> = bind(NAMES.filter((name) => !isStep(name)));

/** The steps, with the limits that the plan has for them. */
export function stepActivities(limits: StepLimits, more: ActivityOptions = {}): Pick<Activities, StepName> {
  const { timeoutSeconds, attempts, backoffSeconds, slotWaitSeconds } = limits;
  return bind(NAMES.filter(isStep), {
    startToCloseTimeout: (timeoutSeconds + slotWaitSeconds + STEP_SLACK_SECONDS) * 1000,
    retry: {
      ...PROFILES.step.retry,
      maximumAttempts: attempts,
      initialInterval: backoffSeconds * 1000,
      // Doubled five times at most: an hour between attempts helps nobody who set a minute.
      maximumInterval: Math.max(20, backoffSeconds * 32) * 1000,
    },
    ...more,
  });
}

type Proxy = Record<
  string,
  | { executeWithOptions(options: { summary: string; priority?: Priority }, args: unknown[]): Promise<unknown> }
  | undefined
>;

function bind<Bound extends Name>(names: readonly Name[], more: ActivityOptions = {}): Pick<Activities, Bound> {
  const bound: Record<string, (input: never) => Promise<unknown>> = {};
  for (const name of names) {
    const summarise = ACTIVITIES[name].summary as (input: unknown) => string;
    const proxy = proxyOf(name, more);
    bound[name] = async (input: { registeredModel?: string } | undefined) => {
      const options = {
        summary: shorten(summarise(input)),
        // A local activity waits in no queue.
        ...(!isLocal(name) && { priority: priorityOf(workflowInfo().workflowType, input?.registeredModel) }),
      };
      try {
        return await proxy[name]?.executeWithOptions(options, [input]);
      } catch (error) {
        throw orCancelled(error);
      }
    };
  }
  return bound as Pick<Activities, Bound>;
}

function proxyOf(name: Name, more: ActivityOptions): Proxy {
  const { queue, profile } = ACTIVITIES[name];
  const { local: _, ...options } = { local: false, ...PROFILES[profile] };
  const proxy: object = isLocal(name)
    ? proxyLocalActivities(options)
    : proxyActivities({ ...options, taskQueue: TASK_QUEUES[queue], ...more } as ActivityOptions);
  return proxy as Proxy;
}

/** A cancelled workflow ends as cancelled, also when what it was waiting for fails by itself in the meantime. */
function orCancelled(error: unknown): unknown {
  const failedByItself = wasCancelled(error) && !isCancellation(error);
  return failedByItself ? new CancelledFailure(rootMessage(error), [], error as Error) : error;
}
