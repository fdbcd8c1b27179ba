import type { Config } from '../../config.ts';
import { FAILURES } from '../../contracts/errors.ts';
import type { ProductionEntry } from '../../contracts/registry.ts';
import { createMlflow, type Mlflow, MlflowError, type ModelVersion } from '../../systems/mlflow/index.ts';
import { CommandError, EXIT } from '../exit.ts';
import { temporalLink } from '../links.ts';
import { entriesOf, followsGap } from './entries.ts';

export interface HistoryEntry extends ProductionEntry {
  /** True: what it replaced is not what the entry before put there, so Production was changed past the workflows. */
  followsGap: boolean;
  links: {
    /** The workflow that did it. */
    workflow: string;
    /** What the decision rests on: the comparison of a promotion, else the version's test report. */
    report: string;
    version: string;
  };
}

export interface History {
  registeredModel: string;
  /** Version in Production now, according to the registry. */
  production: string | null;
  /** All changes, oldest first. */
  entries: ProductionEntry[];
  /** The newest changes, newest first, as many as were asked for. */
  shown: HistoryEntry[];
}

/** A person waits for the answer (ms). */
const LIMIT_MS = 10_000;

/**
 * Reads the history of Production out of the registry.
 *
 * @param limit the most entries that are shown
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function gatherHistory(config: Config, limit: number): Promise<History> {
  const { registeredModel } = config.registry;
  try {
    const mlflow = createMlflow({ ...config.mlflow, timeoutMs: Math.min(config.mlflow.timeout * 1000, LIMIT_MS) });
    try {
      const versions = await mlflow.listVersions(registeredModel);
      const entries = entriesOf(versions);
      const newest = entries.map((entry, index) => ({ ...entry, followsGap: followsGap(entry, entries[index - 1]) }));
      const shown = await Promise.all(
        newest
          .toReversed()
          .slice(0, limit)
          .map(async (entry) => ({ ...entry, links: await linksOf(mlflow, config, versions, entry) })),
      );
      const production = versions.find(({ stage }) => stage === 'Production')?.version ?? null;
      return { registeredModel, production, entries, shown };
    } finally {
      await mlflow.close();
    }
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    const message = `${error.message} ${FAILURES.MlflowUnavailable.next}`;
    throw new CommandError(EXIT.unreachable, message, { cause: error });
  }
}

async function linksOf(
  mlflow: Mlflow,
  config: Config,
  versions: readonly ModelVersion[],
  { version, replaced, action, by }: ProductionEntry,
): Promise<HistoryEntry['links']> {
  const page = mlflow.links.versionUrl(config.registry.registeredModel, version);
  const runId = versions.find((other) => other.version === version)?.runId;
  const run = runId ? await mlflow.getRun(runId) : undefined;
  const file =
    action === 'promote' ? `promotion/version-${version}-against-${replaced ?? 'none'}.html` : 'report/report.html';
  const report = run ? `${mlflow.links.runUrl(run.experimentId, run.runId)}/artifacts/${file}` : page;
  return { workflow: temporalLink(config, by).url, report, version: page };
}
