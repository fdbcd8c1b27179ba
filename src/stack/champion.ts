import type { Config } from '../config.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import { createMlflow } from '../systems/mlflow/index.ts';

export interface Champion {
  version: string;
  /** The page of the MLflow run that trained it. */
  runUrl: string;
  /** The workflow that registered it, if one did. */
  workflowId: string | undefined;
}

/** The version that serves according to the registry; undefined when there is none. */
export async function champion({ mlflow: settings, registry }: Config): Promise<Champion | undefined> {
  const mlflow = createMlflow({ ...settings, timeoutMs: settings.timeout * 1_000 });
  try {
    const found = await mlflow.getByAlias(registry.registeredModel, ALIASES.champion);
    if (!found) return undefined;
    const { version, runId, tags } = found;
    const run = await mlflow.getRun(runId);
    const runUrl = run
      ? mlflow.links.runUrl(run.experimentId, runId)
      : mlflow.links.versionUrl(registry.registeredModel, version);
    return { version, runUrl, workflowId: tags[TAGS.workflowId] };
  } finally {
    await mlflow.close();
  }
}
