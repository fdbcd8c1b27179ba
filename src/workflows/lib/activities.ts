import type { ActivityOptions } from '@temporalio/workflow';
import { CancelledFailure, isCancellation, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../../activities/index.ts';
import type { Plan, StepName, StepRetry } from '../../contracts/plan.ts';
import { shorten } from '../../words/markdown.ts';
import { POLICIES, STEP_SLACK_SECONDS } from '../policies.ts';
import { rootMessage, wasCancelled } from './failures.ts';
import { SUMMARIES } from './summaries.ts';

export const { resolvePlan } = described(proxyLocalActivities<Activities>(POLICIES.settings));
export const firstContact = described(proxyActivities<Activities>(POLICIES.firstContact));
export const registry = described(proxyActivities<Activities>(POLICIES.registry));
export const { resolvePlan: resolveStewardPlan } = described(proxyActivities<Activities>(POLICIES.stewardSettings));
export const { findRetrain } = described(proxyActivities<Activities>(POLICIES.stewardSearch));
export const locks = described(proxyActivities<Activities>(POLICIES.lock));
export const checks = described(proxyLocalActivities<Activities>(POLICIES.lockCheck));
export const stewards = described(proxyActivities<Activities>(POLICIES.lock));
export const watch = described(proxyActivities<Activities>(POLICIES.watch));
export const { notify } = described(proxyActivities<Activities>(POLICIES.notify));
export const deployment = described(proxyActivities<Activities>(POLICIES.deployment));

/** Activities that run a step, with its time-out and retries as the plan has them. */
export function stepActivities(plan: Plan, step: StepName, more: ActivityOptions = {}): Activities {
  return commandActivities(plan.stepTimeoutSeconds[step] ?? 3600, plan.stepRetry?.[step], more);
}

/** Activities that run a command, with its time-out and retries as mediwatch.yaml has them. */
export function commandActivities(
  timeoutSeconds: number,
  wanted: StepRetry | undefined,
  more: ActivityOptions = {},
): Activities {
  const seconds = timeoutSeconds + (wanted?.slotWaitSeconds ?? 0) + STEP_SLACK_SECONDS;
  const options: ActivityOptions = { ...POLICIES.step, startToCloseTimeout: seconds * 1000, ...more };
  if (!wanted) return described(proxyActivities<Activities>(options));
  const retry = {
    ...POLICIES.step.retry,
    maximumAttempts: wanted.attempts,
    initialInterval: wanted.backoffSeconds * 1000,
    // Doubled five times at most: an hour between attempts helps nobody who set a minute.
    maximumInterval: Math.max(20, wanted.backoffSeconds * 32) * 1000,
  };
  return described(proxyActivities<Activities>({ ...options, retry }));
}

type Call = (input?: unknown) => Promise<unknown>;
type Proxied = Record<string, { executeWithOptions(options: { summary: string }, args: unknown[]): Promise<unknown> }>;

/** The same activities; each call says in the UI what it does. */
function described(proxied: object): Activities {
  const calls = Object.entries(SUMMARIES).map(([name, summaryOf]): [string, Call] => [
    name,
    async (...args) => {
      const summary = shorten((summaryOf as (input: unknown) => string)(args[0]));
      try {
        return await (proxied as Proxied)[name]?.executeWithOptions({ summary }, args);
      } catch (error) {
        throw orCancelled(error);
      }
    },
  ]);
  return Object.fromEntries(calls) as unknown as Activities;
}

/** A cancelled workflow ends as cancelled, also when what it was waiting for fails by itself in the meantime. */
function orCancelled(error: unknown): unknown {
  const failedByItself = wasCancelled(error) && !isCancellation(error);
  return failedByItself ? new CancelledFailure(rootMessage(error), [], error as Error) : error;
}
