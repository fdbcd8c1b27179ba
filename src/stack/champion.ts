import type { Config } from '../config.ts';
import { starterOf } from '../contracts/ids.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import { withMlflow } from '../systems/mlflow/withMlflow.ts';

export interface Champion {
  version: string;
  /** The page of the MLflow run that trained it. */
  runUrl: string;
  /** The retrain that registered it, if one did. */
  retrainId: string | undefined;
}

/** The version that serves according to the registry; undefined when there is none. */
export async function champion(config: Config): Promise<Champion | undefined> {
  const { registeredModel } = config.registry;
  return await withMlflow(config, async (mlflow) => {
    const found = await mlflow.getByAlias(registeredModel, ALIASES.champion);
    if (!found) return undefined;
    const { version, runId, tags } = found;
    const trainedBy = tags[TAGS.workflowId];
    const run = await mlflow.getRun(runId);
    const runUrl = run
      ? mlflow.links.runUrl(run.experimentId, runId)
      : mlflow.links.versionUrl(registeredModel, version);
    return { version, runUrl, retrainId: trainedBy && starterOf(trainedBy) };
  });
}
