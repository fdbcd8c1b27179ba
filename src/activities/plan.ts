import { type Given, resolvePlan } from '../config/resolvePlan.ts';
import type { Config } from '../config.ts';
import type { WorkflowName } from '../contracts/workflows.ts';

interface Request {
  workflow: WorkflowName;
  input: Given;
}

/** Lays the input of a workflow over the settings of this worker. */
export function createPlanActivities({
  config,
  searchable,
}: {
  config: Config;
  searchable: () => Promise<boolean> | boolean;
}) {
  const resolve = async ({ workflow, input }: Request) => resolvePlan(config, workflow, input, await searchable());
  return { resolvePlan: resolve, resolveStewardPlan: resolve };
}
