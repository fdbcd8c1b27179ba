import type { Check } from './check.ts';
import { agreementCheck } from './checks/agreement.ts';
import { apiCheck } from './checks/api.ts';
import { bakedModelCheck } from './checks/bakedModel.ts';
import { dataCheck } from './checks/data.ts';
import { diskCheck } from './checks/disk.ts';
import { dockerCheck } from './checks/docker.ts';
import { gatewayCheck } from './checks/gateway.ts';
import { imageRegistryCheck } from './checks/imageRegistry.ts';
import { mlflowCheck } from './checks/mlflow.ts';
import { modelCheck } from './checks/model.ts';
import { portsCheck } from './checks/ports.ts';
import { predictionLogCheck } from './checks/predictionLog.ts';
import { productionCheck } from './checks/production.ts';
import { schedulesCheck } from './checks/schedules.ts';
import { searchAttributesCheck } from './checks/searchAttributes.ts';
import { staticFilesCheck } from './checks/staticFiles.ts';
import { temporalCheck } from './checks/temporal.ts';
import { workersCheck } from './checks/workers.ts';
import type { DoctorContext } from './context.ts';

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
  ...SERVING,
  dockerCheck,
  imageRegistryCheck,
  bakedModelCheck,
  diskCheck,
  portsCheck,
];

/** The checks that are the same for all models. */
export const SHARED_CHECKS: readonly Check[] = CHECKS.filter((check) => !OF_MODEL.includes(check));
