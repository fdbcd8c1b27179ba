import { apiCheck, gatewayCheck, staticFilesCheck } from './api.ts';
import type { DoctorContext } from './context.ts';
import { dataCheck } from './data.ts';
import { bakedModelCheck, dockerCheck } from './docker.ts';
import { imageRegistryCheck } from './imageRegistry.ts';
import { accessCheck, diskCheck, portsCheck } from './machine.ts';
import { mlflowCheck } from './mlflow.ts';
import { mlflowClientsCheck } from './mlflowClients.ts';
import { predictionLogCheck } from './predictionLog.ts';
import { agreementCheck, modelCheck, productionCheck } from './registry.ts';
import type { Check } from './run.ts';
import { schedulesCheck } from './schedules.ts';
import { searchAttributesCheck, temporalCheck, workersCheck } from './temporal.ts';
import { weakCheck } from './weak.ts';

/** The model, its API and its data, in the order in which a reader sees them. */
const SERVING: readonly Check[] = [
  productionCheck,
  agreementCheck,
  modelCheck,
  gatewayCheck,
  apiCheck,
  staticFilesCheck,
  predictionLogCheck,
  dataCheck,
];

/** What differs from model to model. */
const OF_MODEL: readonly Check[] = [...SERVING, bakedModelCheck];

/** The checks that look at one of several models, named after it. */
export function checksOfModel(context: DoctorContext): Check[] {
  const { registeredModel } = context.config.registry;
  return OF_MODEL.map((check) => ({ name: `${check.name} of ${registeredModel}`, run: () => check.run(context) }));
}

/** Everything that the doctor looks at, in the order in which a reader sees it. */
export const CHECKS: readonly Check[] = [
  temporalCheck,
  workersCheck,
  searchAttributesCheck,
  schedulesCheck,
  mlflowCheck,
  mlflowClientsCheck,
  ...SERVING,
  dockerCheck,
  imageRegistryCheck,
  bakedModelCheck,
  diskCheck,
  portsCheck,
  accessCheck,
  weakCheck,
];

/** The checks that are the same for all models. */
export const SHARED_CHECKS: readonly Check[] = CHECKS.filter((check) => !OF_MODEL.includes(check));
