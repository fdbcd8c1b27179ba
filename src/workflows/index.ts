export { hyperparameterSearch } from './hyperparameterSearch.ts';
export { modelLock } from './modelLock.ts';
export { prepareData } from './prepareData.ts';
export { promote } from './promote.ts';
export { redeploy } from './redeploy.ts';
export { retrain } from './retrain.ts';
export { rollback } from './rollback.ts';
export { trainBestAndRegister } from './trainBestAndRegister.ts';
