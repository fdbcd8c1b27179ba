import { STAGES, type Stage } from './names.ts';

/**
 * Workflow ids, and what a second start with the same id means.
 *
 * People's starts carry a time stamp, so two are two workflows. The stages of a retrain are named after it, so a
 * stage can be found from its parent. There is one lock a registered model: asking again joins its queue.
 */
export const workflowIds = {
  /** `retrain-2026-01-31T02-00-00-000Z`: started by a person, a script or a schedule. */
  started: (workflow: string, now: Date) => `${workflow}-${now.toISOString().replace(/[:.]/g, '-')}`,
  stage: (parentId: string, stage: Stage) => `${parentId}/${stage}`,
  lock: (registeredModel: string) => `modelLock/${registeredModel}`,
  /** There is one steward a registered model: an alert starts it, or joins it. */
  steward: (registeredModel: string) => `driftSteward/${registeredModel}`,
  /** Named after the moment of the decision, which the steward remembers: starting it again starts it once. */
  driftRetrain: (registeredModel: string, decidedAt: Date) =>
    `retrain-drift-${registeredModel}-${decidedAt.toISOString().replace(/[:.]/g, '-')}`,
};

/** Whether a workflow id is that of a child workflow of this stage. */
export const isOfStage = (stage: Stage, workflowId: string | null): boolean =>
  workflowId?.endsWith(`/${stage}`) ?? false;

const STAGE_SUFFIX = new RegExp(`(/(${STAGES.join('|')}))+$`);

/** The workflow that people started, of one of its stages; one that is no stage stands for itself. */
export function starterOf(workflowId: string): string {
  return workflowId.replace(STAGE_SUFFIX, '');
}
