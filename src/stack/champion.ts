import type { Config } from '../config.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import { createMlflow } from '../systems/mlflow/index.ts';
import { mlflowOptions } from '../systems/mlflow/options.ts';

export interface Champion {
  version: string;
  /** The page of the MLflow run that trained it. */
  runUrl: string;
  /** The retrain that registered it, if one did. */
  retrainId: string | undefined;
}

/** The version that serves according to the registry; undefined when there is none. */
export async function champion(config: Config): Promise<Champion | undefined> {
  const mlflow = createMlflow(mlflowOptions(config));
  const { registeredModel } = config.registry;
  try {
    const found = await mlflow.getByAlias(registeredModel, ALIASES.champion);
    if (!found) return undefined;
    const { version, runId, tags } = found;
    const run = await mlflow.getRun(runId);
    const runUrl = run
      ? mlflow.links.runUrl(run.experimentId, runId)
      : mlflow.links.versionUrl(registeredModel, version);
    return { version, runUrl, retrainId: retrainOf(tags[TAGS.workflowId]) };
  } finally {
    await mlflow.close();
  }
}

/** A stage's workflow has the id of its retrain with the stage behind a slash. */
function retrainOf(workflowId: string | undefined): string | undefined {
  return workflowId?.split('/')[0];
}
