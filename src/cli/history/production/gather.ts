import type { Config } from '../../../config.ts';
import type { ProductionEntry } from '../../../contracts/registry.ts';
import { REPORT_FILES } from '../../../contracts/report.ts';
import type { Mlflow, ModelVersion } from '../../../systems/mlflow/index.ts';
import { askMlflow } from '../../askMlflow.ts';
import { temporalLink } from '../../links.ts';
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
  /** How many more of those that are wanted there are. */
  hidden: number;
}

/**
 * Reads the history of Production out of the registry.
 *
 * @param limit the most entries that are shown
 * @param since only entries from then on are shown (Unix time, ms)
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function gatherHistory(
  config: Config,
  { limit, since = Number.NEGATIVE_INFINITY }: { limit: number; since?: number | undefined },
): Promise<History> {
  const { registeredModel } = config.registry;
  return await askMlflow(config, async (mlflow) => {
    const versions = await mlflow.listVersions(registeredModel);
    const entries = entriesOf(versions);
    const newest = entries.map((entry, index) => ({ ...entry, followsGap: followsGap(entry, entries[index - 1]) }));
    const wanted = newest.toReversed().filter(({ at }) => Date.parse(at) >= since);
    const shown = await Promise.all(
      wanted
        .slice(0, limit)
        .map(async (entry) => ({ ...entry, links: await linksOf(mlflow, config, versions, entry) })),
    );
    const production = versions.find(({ stage }) => stage === 'Production')?.version ?? null;
    return { registeredModel, production, entries, shown, hidden: wanted.length - shown.length };
  });
}

async function linksOf(
  mlflow: Mlflow,
  config: Config,
  versions: readonly ModelVersion[],
  { version, replaced, reason, by }: ProductionEntry,
): Promise<HistoryEntry['links']> {
  const page = mlflow.links.versionUrl(config.registry.registeredModel, version);
  const runId = versions.find((other) => other.version === version)?.runId;
  const run = runId ? await mlflow.getRun(runId) : undefined;
  const file =
    reason.code === 'promote' ? `promotion/version-${version}-against-${replaced ?? 'none'}.html` : REPORT_FILES.page;
  const report = run ? mlflow.links.artifactUrl(run.experimentId, run.runId, file) : page;
  return { workflow: temporalLink(config, by).url, report, version: page };
}
