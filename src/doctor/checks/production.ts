import { type Check, need } from '../check.ts';
import { judgeProduction } from '../judge/production.ts';

/** The registered model exists and has exactly one version in Production. */
export const productionCheck: Check = {
  name: 'Production version',
  async run({ config, versions }) {
    const found = await need(versions(), 'MLflow does not answer');
    const placed = found.map(({ version, stage }) => ({ version, registryStage: stage }));
    return [judgeProduction(config.registry.registeredModel, { versions: placed })];
  },
};
