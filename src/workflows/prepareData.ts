import { stepActivities } from './runtime/activities.ts';
import { workflow } from './runtime/workflow.ts';

/** Splits and encodes the data, and puts the data set into the artifact store; the same data are prepared once. */
export const prepareData = workflow('prepareData', {}, ({ registeredModel, data, seed, force, limits }) =>
  stepActivities(limits.prepare).prepareDataset({ registeredModel, data, seed, force }),
);
