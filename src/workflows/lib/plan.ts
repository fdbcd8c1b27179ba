import { workflowInfo } from '@temporalio/workflow';
import type { Plan, PlanRequest } from '../../contracts/plan.ts';
import { resolvePlan } from './activities.ts';

/** Hands a plan on to a stage, or to the run that goes on after this one. */
export function planMemo(plan: Plan): { plan: Plan } {
  return { plan };
}

/** The plan that was handed on to this workflow; one that a person started lays its input over the settings of today. */
export async function planOf(request: PlanRequest): Promise<Plan> {
  const { parent, continuedFromExecutionRunId, memo } = workflowInfo();
  // Anybody may start a workflow with a memo.
  const isHandedOn = parent !== undefined || continuedFromExecutionRunId !== undefined;
  const plan = isHandedOn ? (memo?.plan as Plan | undefined) : undefined;
  return plan ?? (await resolvePlan(request));
}
