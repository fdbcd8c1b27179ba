import { createDecisionActivities } from './decisions.ts';
import { createDeploymentActivities, createImageActivities } from './deployment.ts';
import { heartbeating } from './lib/step.ts';
import { translated } from './lib/translate.ts';
import { createMonitoringActivities } from './monitoring.ts';
import {
  createLockActivities,
  createNotificationActivities,
  createPlanActivities,
  createStewardActivities,
} from './orchestration.ts';
import { createRegistryActivities } from './registry.ts';
import { createTrainingActivities } from './training.ts';

type Orchestration = Parameters<typeof createPlanActivities>[0] &
  Parameters<typeof createRegistryActivities>[0] &
  Parameters<typeof createDecisionActivities>[0] &
  Parameters<typeof createLockActivities>[0] &
  Parameters<typeof createStewardActivities>[0] &
  Parameters<typeof createNotificationActivities>[0];

type Training = Parameters<typeof createTrainingActivities>[0] & Parameters<typeof createMonitoringActivities>[0];

type Deployment = Parameters<typeof createDeploymentActivities>[0] & Parameters<typeof createImageActivities>[0];

/** Activities of the task queues, by the role of the workers that serve them. */
export const createActivities = {
  orchestration: (systems: Orchestration) =>
    translated({
      ...createPlanActivities(systems),
      ...heartbeating(createRegistryActivities(systems)),
      ...createDecisionActivities(systems),
      ...createLockActivities(systems),
      ...createStewardActivities(systems),
      ...createNotificationActivities(systems),
    }),
  training: (systems: Training) =>
    translated({ ...createTrainingActivities(systems), ...createMonitoringActivities(systems) }),
  deployment: (systems: Deployment) =>
    translated({ ...createDeploymentActivities(systems), ...createImageActivities(systems) }),
};

/** What workflows may call, by the role of the workers that run it; they know it by type only. */
export type ActivitiesByRole = { [Role in keyof typeof createActivities]: ReturnType<(typeof createActivities)[Role]> };
export type Activities = ActivitiesByRole['orchestration'] &
  ActivitiesByRole['training'] &
  ActivitiesByRole['deployment'];
