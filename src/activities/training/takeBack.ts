import { TAGS } from '../../contracts/names.ts';
import type { Mlflow, ModelVersion, Run } from '../../systems/mlflow/index.ts';
import type { LeftVersions } from '../../systems/steps/index.ts';
import { registeredMeanwhile, taggedRuns, versionsOfRuns } from '../../systems/steps/runs.ts';

/** Takes back what an attempt left that was killed: its versions, unless somebody uses one, and its runs. */
export async function discardTraining(
  mlflow: Mlflow,
  registeredModel: string,
  earlier: Run,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const opened = await taggedRuns(mlflow, key, signal);
  const after = Number(earlier.tags[TAGS.versionsBefore] ?? 0);
  await removeVersions(mlflow, { registeredModel, after, runs: [earlier, ...opened] }, signal);
  for (const { runId } of opened) await mlflow.deleteRun(runId);
}

interface Attempt {
  registeredModel: string;
  /** Highest version before it began. */
  after: number;
  runs: readonly Run[];
}

/** Deletes the versions that an attempt registered, unless somebody uses one; returns those of its runs, of any model. */
async function removeVersions(mlflow: Mlflow, { registeredModel, after, runs }: Attempt, signal?: AbortSignal) {
  const removed: ModelVersion[] = [];
  const kept: ModelVersion[] = [];
  for (const found of await versionsOfRuns(mlflow, runs, signal)) {
    const { name, version } = found;
    const current = await mlflow.getVersion(name, version, { signal });
    const isOurs = name === registeredModel && Number(version) > after && !found.tags[TAGS.key];
    const isFree = isOurs && current?.stage === 'None' && current.aliases.length === 0;
    if (isFree) await mlflow.deleteVersion(name, version, { signal });
    (isFree ? removed : kept).push(found);
  }
  return { removed, kept };
}

/** Removes what a command that failed has registered, and says what there was; undefined: that cannot be looked up. */
export async function takeBack(
  mlflow: Mlflow,
  registeredModel: string,
  { run, key, after }: { run: Run; key: string; after: number },
): Promise<LeftVersions | undefined> {
  try {
    const runs = [run, ...(await taggedRuns(mlflow, key))];
    const ofRuns = await removeVersions(mlflow, { registeredModel, after, runs });
    const runIds = runs.map(({ runId }) => runId);
    const other = await registeredMeanwhile(mlflow, { registeredModel, after, runIds });
    const isNew = other && !ofRuns.kept.some(({ version }) => version === other.version);
    return { ...ofRuns, perhaps: isNew ? [other] : [] };
  } catch {
    return undefined;
  }
}
