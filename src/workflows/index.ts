export { buildImage } from './buildImage.ts';
export { driftCheck } from './driftCheck.ts';
export { driftSteward } from './driftSteward.ts';
export { hyperparameterSearch } from './hyperparameterSearch.ts';
export { modelLock } from './modelLock.ts';
export { prepareData } from './prepareData.ts';
export { promote } from './promote.ts';
export { redeploy } from './redeploy.ts';
export { retrain } from './retrain.ts';
export { rollback } from './rollback.ts';
export { trainBestAndRegister } from './trainBestAndRegister.ts';
// What every object has by itself would be taken for a workflow of that type.
export {
  unknownType as __defineGetter__,
  unknownType as __defineSetter__,
  unknownType as __lookupGetter__,
  unknownType as __lookupSetter__,
  unknownType as constructor,
  unknownType as default,
  unknownType as hasOwnProperty,
  unknownType as isPrototypeOf,
  unknownType as propertyIsEnumerable,
  unknownType as toLocaleString,
  unknownType as toString,
  unknownType as valueOf,
} from './unknownType.ts';
