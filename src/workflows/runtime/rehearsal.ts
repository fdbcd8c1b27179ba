import type { RedeployPlan } from '../../contracts/plans.ts';
import type { WouldChange } from '../../contracts/workflows.ts';
import { activities } from './activities.ts';
import type { Run } from './workflow.ts';

/**
 * Checks that a version could be deployed, as a deployment does before it starts anything.
 *
 * @throws ApplicationFailure of type PreflightFailed when it could not
 */
export async function rehearseDeployment(
  { report }: Run<unknown>,
  { registeredModel, rollout }: Pick<RedeployPlan, 'registeredModel' | 'rollout'>,
  version: string,
): Promise<Extract<WouldChange, { code: 'deploy' }>> {
  report({ event: 'stageStarted', stage: 'redeploy', at: Date.now() });
  await activities.preflight({ registeredModel, version });
  const serving = (await activities.serving({ registeredModel }))?.version ?? null;
  report({ event: 'learned', facts: { serving } });
  const { strategy, share } = rollout;
  const would = { code: 'deploy', version, serving, strategy, share } as const;
  report({ event: 'stageEnded', stage: 'redeploy', at: Date.now(), outcome: { code: 'dryRun', would: [would] } });
  return would;
}
