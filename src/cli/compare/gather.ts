import type { Config } from '../../config.ts';
import { ALIASES, starterOf, TAGS } from '../../contracts/names.ts';
import { parseJson } from '../../contracts/text.ts';
import { ArtifactRef, type Metrics } from '../../contracts/training.ts';
import type { Mlflow, ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { askMlflow } from '../askMlflow.ts';
import { CommandError, EXIT } from '../exit.ts';
import { temporalLink } from '../links.ts';
import { resolveVersion } from '../versions/resolve.ts';
import { testAucOf } from '../versions/testAuc.ts';
import { evaluationOf, type MetricRow, metricRows } from './metrics.ts';

/** One of two versions. */
export interface Side {
  version: string;
  /** ISO 8601. */
  createdAt: string;
  /** Workflow that trained it. */
  trainedBy: string | null;
  trigger: string | null;
  /** Kind of model. */
  model: string | null;
  stage: string;
  aliases: string[];
  /** Digest of the prepared data set. */
  dataset: string | null;
  /** Digest of the source file. */
  source: string | null;
  /** Rows that it learned from. */
  trainRows: number | null;
  revision: string | null;
  seed: string | null;
  /** How long its run took. */
  seconds: number | null;
  params: Record<string, string>;
  links: { version: string; run: string | null; workflow: string | null; report: string | null };
}

export interface Compared {
  registeredModel: string;
  a: Side;
  b: Side;
  /** `evaluation`: a promotion scored both on one test split; `trainings`: each number is of its own training. */
  basis: 'evaluation' | 'trainings';
  /** Whether the numbers can be compared: both are of one test split. Null: nobody knows. */
  sameSplit: boolean | null;
  metrics: MetricRow[];
  params: { different: Array<{ name: string; a: string | null; b: string | null }>; same: number };
  links: { compare: string | null };
}

/** What is known by other words than as a parameter. */
const FACTS = ['model', 'seed', 'data_sha256'];

/**
 * Puts two versions of a model side by side.
 *
 * @param references what stands for each, as `resolveVersion` takes it; without any, the challenger and the champion, or the
 *   champion and what it replaced
 * @throws {CommandError} when one is not known, both are one, or MLflow does not answer
 */
export async function gatherComparison(config: Config, references: readonly string[]): Promise<Compared> {
  const { registeredModel } = config.registry;
  return await askMlflow(config, async (mlflow) => {
    const versions = await mlflow.listVersions(registeredModel);
    const [nameOfA, nameOfB] = namesOf(registeredModel, versions, references);
    const [a, b] = [nameOfA, nameOfB].map((name) => resolveVersion(registeredModel, versions, name)) as [
      ModelVersion,
      ModelVersion,
    ];
    if (a.version === b.version) throw sameTwice(nameOfA, nameOfB, a.version);
    const runs = await Promise.all([a, b].map(({ runId }) => (runId ? mlflow.getRun(runId) : undefined)));
    const [runA, runB] = runs;
    const [sideA, sideB] = [sideOf(mlflow, config, a, runA), sideOf(mlflow, config, b, runB)];
    const evaluation = evaluationOf(a, b);
    const recorded = { a: metricsOf(a, runA), b: metricsOf(b, runB), differences: {} };
    return {
      registeredModel,
      a: sideA,
      b: sideB,
      basis: evaluation ? 'evaluation' : 'trainings',
      sameSplit: evaluation ? true : sameDataset(sideA, sideB),
      metrics: metricRows(evaluation ?? recorded, config.promotion.rules ?? []),
      params: differencesOf(sideA.params, sideB.params),
      links: {
        compare: runA && runB && runA.runId !== runB.runId ? mlflow.links.compareUrl([runA, runB]) : null,
      },
    };
  });
}

/** The names that were given; without any, the challenger and the champion, or after a promotion what served before. */
function namesOf(model: string, versions: readonly ModelVersion[], references: readonly string[]): [string, string] {
  const { challenger, champion, previous } = ALIASES;
  const [a, b = champion] = references;
  if (a !== undefined) return [a, b];
  const [only, ...others] = versions;
  if (only && others.length === 0) {
    const another = '"mediwatch retrain --follow" makes another.';
    throw new CommandError(
      EXIT.usage,
      `There is nothing to compare: ${model} has one version, ${only.version}. ${another}`,
    );
  }
  const waits = versions.some(({ aliases }) => aliases.includes(challenger));
  return waits || versions.length === 0 ? [challenger, champion] : [champion, previous];
}

function sameTwice(nameOfA: string, nameOfB: string, version: string): CommandError {
  const told =
    nameOfA === nameOfB ? `"${nameOfA}" was named twice` : `${nameOfA} and ${nameOfB} are both version ${version}`;
  return new CommandError(
    EXIT.usage,
    `There is nothing to compare: ${told}. Name two versions, such as "mediwatch compare champion previous".`,
  );
}

function sideOf(mlflow: Mlflow, config: Config, version: ModelVersion, run: Run | undefined): Side {
  const { tags } = version;
  const dataset = ArtifactRef.safeParse(parseJson(tags[TAGS.dataset])).data;
  const workflowId = tags[TAGS.workflowId];
  const trainedBy = workflowId === undefined ? null : starterOf(workflowId);
  const { params = {} } = run ?? {};
  return {
    version: version.version,
    createdAt: new Date(version.createdAt).toISOString(),
    trainedBy,
    trigger: tags[TAGS.trigger] ?? run?.tags[TAGS.trigger] ?? null,
    model: tags[TAGS.model] ?? params.model ?? null,
    stage: version.stage,
    aliases: version.aliases,
    dataset: dataset?.sha256 ?? null,
    source: params.data_sha256 ?? null,
    trainRows: run?.metrics.train_rows ?? null,
    revision: tags[TAGS.revision] ?? run?.tags[TAGS.revision] ?? null,
    seed: params.seed ?? run?.tags['mediwatch.seed'] ?? null,
    seconds: run?.endTime === undefined ? null : (run.endTime - run.startTime) / 1000,
    params: Object.fromEntries(Object.entries(params).filter(([name]) => !FACTS.includes(name))),
    links: {
      version: mlflow.links.versionUrl(version.name, version.version),
      run: run ? mlflow.links.runUrl(run.experimentId, run.runId) : null,
      workflow: trainedBy ? temporalLink(config, trainedBy).url : null,
      report: tags[TAGS.report] ?? (run ? mlflow.links.reportUrl(run.experimentId, run.runId) : null),
    },
  };
}

function metricsOf(version: ModelVersion, run: Run | undefined): Metrics {
  const auc = testAucOf(version);
  return { ...(auc !== null && { [TAGS.testAuc]: auc }), ...run?.metrics };
}

function sameDataset(a: Side, b: Side): boolean | null {
  return a.dataset === null || b.dataset === null ? null : a.dataset === b.dataset;
}

function differencesOf(a: Side['params'], b: Side['params']): Compared['params'] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const different = names.filter((name) => a[name] !== b[name]);
  return {
    different: different.map((name) => ({ name, a: a[name] ?? null, b: b[name] ?? null })),
    same: names.length - different.length,
  };
}
