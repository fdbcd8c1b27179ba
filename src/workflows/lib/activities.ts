import type { ActivityOptions } from '@temporalio/workflow';
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.ts';
import type { Plan, StepName } from '../../contracts/plan.ts';
import { POLICIES, STEP_SLACK_SECONDS } from '../policies.ts';

export const { resolvePlan } = proxyLocalActivities<Activities>(POLICIES.settings);
export const firstContact = proxyActivities<Activities>(POLICIES.firstContact);
export const registry = proxyActivities<Activities>(POLICIES.registry);
export const { resolvePlan: resolveStewardPlan } = proxyActivities<Activities>(POLICIES.stewardSettings);
export const locks = proxyActivities<Activities>(POLICIES.lock);
export const stewards = proxyActivities<Activities>(POLICIES.lock);
export const watch = proxyActivities<Activities>(POLICIES.watch);
export const { notify } = proxyActivities<Activities>(POLICIES.notify);
export const steps = proxyActivities<Activities>({ ...POLICIES.step, startToCloseTimeout: '1 hour' });
export const deployment = proxyActivities<Activities>(POLICIES.deployment);

/** Options of one call of a step: its time-out from the plan, and a line for the UI that says what it does. */
export function stepOptions(plan: Plan, step: StepName, summary: string): ActivityOptions {
  const seconds = (plan.stepTimeoutSeconds[step] ?? 3600) + STEP_SLACK_SECONDS;
  return { ...POLICIES.step, startToCloseTimeout: seconds * 1000, summary: shorten(summary) };
}

/** Temporal refuses summaries of more than 200 bytes. */
export function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 159)}…`;
}
