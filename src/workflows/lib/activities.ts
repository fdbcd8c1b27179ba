import type { ActivityOptions } from '@temporalio/workflow';
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.ts';
import type { Plan, StepName, StepRetry } from '../../contracts/plan.ts';
import { POLICIES, STEP_SLACK_SECONDS } from '../policies.ts';

export const { resolvePlan } = proxyLocalActivities<Activities>(POLICIES.settings);
export const firstContact = proxyActivities<Activities>(POLICIES.firstContact);
export const registry = proxyActivities<Activities>(POLICIES.registry);
export const { resolvePlan: resolveStewardPlan } = proxyActivities<Activities>(POLICIES.stewardSettings);
export const { findRetrain } = proxyActivities<Activities>(POLICIES.stewardSearch);
export const locks = proxyActivities<Activities>(POLICIES.lock);
export const stewards = proxyActivities<Activities>(POLICIES.lock);
export const watch = proxyActivities<Activities>(POLICIES.watch);
export const { notify } = proxyActivities<Activities>(POLICIES.notify);
export const steps = proxyActivities<Activities>({ ...POLICIES.step, startToCloseTimeout: '1 hour' });
export const deployment = proxyActivities<Activities>(POLICIES.deployment);

/** Options of one call of a step: its time-out from the plan, and a line for the UI that says what it does. */
export function stepOptions(plan: Plan, step: StepName, summary: string): ActivityOptions {
  return commandOptions(plan.stepTimeoutSeconds[step] ?? 3600, plan.stepRetry?.[step], summary);
}

/** Time-out and retries of one call, as mediwatch.yaml has them. */
export function commandOptions(
  timeoutSeconds: number,
  wanted: StepRetry | undefined,
  summary: string,
): ActivityOptions {
  const seconds = timeoutSeconds + (wanted?.slotWaitSeconds ?? 0) + STEP_SLACK_SECONDS;
  const { retry } = POLICIES.step;
  return {
    ...POLICIES.step,
    startToCloseTimeout: seconds * 1000,
    summary: shorten(summary),
    ...(wanted && {
      retry: {
        ...retry,
        maximumAttempts: wanted.attempts,
        initialInterval: wanted.backoffSeconds * 1000,
        // Doubled five times at most: an hour between attempts helps nobody who set a minute.
        maximumInterval: Math.max(20, wanted.backoffSeconds * 32) * 1000,
      },
    }),
  };
}

/** Temporal refuses summaries of more than 200 bytes. */
export function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 159)}…`;
}
