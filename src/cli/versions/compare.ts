import { z } from 'zod';
import { type Config, canScore } from '../../config.ts';
import { ALIASES, starterOf, TAGS } from '../../contracts/names.ts';
import { Comparison, type MetricRule } from '../../contracts/registry.ts';
import { parseJson } from '../../contracts/text.ts';
import { ArtifactRef, type Metrics } from '../../contracts/training.ts';
import { sameData } from '../../domain/sameData.ts';
import type { Mlflow, ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { temporalLink } from '../../words/links.ts';
import { CommandError, EXIT } from '../exit.ts';
import { askMlflow } from '../session.ts';
import { resolveVersion, scoresOf } from './registry.ts';

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
  /** Whether a promotion would score both on one test split. */
  canScore: boolean;
  metrics: MetricRow[];
  params: { different: Array<{ name: string; a: string | null; b: string | null }>; same: number };
  links: { compare: string | null };
}

/** Parameters that are shown elsewhere. */
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
    const a = resolveVersion(registeredModel, versions, nameOfA);
    const b = resolveVersion(registeredModel, versions, nameOfB);
    if (a.version === b.version) throw sameTwice(nameOfA, nameOfB, a.version);
    const runOf = async ({ runId }: ModelVersion) => (runId ? await mlflow.getRun(runId) : undefined);
    const [runA, runB] = await Promise.all([runOf(a), runOf(b)]);
    const [sideA, sideB] = [sideOf(mlflow, config, a, runA), sideOf(mlflow, config, b, runB)];
    const evaluation = evaluationOf(a, b);
    const recorded = { a: metricsOf(config, a, runA), b: metricsOf(config, b, runB), differences: {} };
    return {
      registeredModel,
      a: sideA,
      b: sideB,
      basis: evaluation ? 'evaluation' : 'trainings',
      sameSplit: evaluation !== null || sameData({ ...a, params: runA?.params }, { ...b, params: runB?.params }),
      canScore: canScore(config) || config.steps.evaluate.command !== undefined,
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
  const named =
    nameOfA === nameOfB ? `"${nameOfA}" was named twice` : `${nameOfA} and ${nameOfB} are both version ${version}`;
  return new CommandError(
    EXIT.usage,
    `There is nothing to compare: ${named}. Name two versions, such as "mediwatch compare champion previous".`,
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

function metricsOf(config: Config, version: ModelVersion, run: Run | undefined): Metrics {
  const { score } = scoresOf(version, config);
  return { ...(score && { [score.metric]: score.value }), ...run?.metrics };
}

function differencesOf(a: Side['params'], b: Side['params']): Compared['params'] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const different = names.filter((name) => a[name] !== b[name]);
  return {
    different: different.map((name) => ({ name, a: a[name] ?? null, b: b[name] ?? null })),
    same: names.length - different.length,
  };
}

/** One metric of two versions. */
export interface MetricRow {
  metric: string;
  a: number | null;
  b: number | null;
  /** a minus b. */
  difference: number | null;
  /** One-sided bounds of the difference, each at its confidence, by a paired bootstrap over the test split. */
  bounds: { low: number; high: number; confidence: number } | null;
  /** Null: nobody knows which values are better, or one is missing. */
  better: 'a' | 'b' | 'same' | null;
}

/** The scores of two versions on one test split, with the bounds of their differences. */
interface Evaluation {
  a: Metrics;
  b: Metrics;
  differences: Comparison['differences'];
}

const Recorded = Comparison.extend({ against: z.string().nullable() });
type Tagged = Pick<ModelVersion, 'version' | 'tags'>;

/** What a promotion found when it scored the two on one test split, whichever was the challenger; null: none did. */
function evaluationOf(a: Tagged, b: Tagged): Evaluation | null {
  const own = evaluationAgainst(a, b.version);
  if (own) return own;
  const other = evaluationAgainst(b, a.version);
  if (!other) return null;
  const turned = Object.entries(other.differences).map(([metric, { difference, low, high, confidence }]) => {
    return [metric, { difference: -difference, low: -high, high: -low, confidence }];
  });
  return { a: other.b, b: other.a, differences: Object.fromEntries(turned) };
}

function evaluationAgainst({ tags }: Tagged, against: string): Evaluation | null {
  const { data } = Recorded.safeParse(parseJson(tags[TAGS.comparison]));
  // Scores that the trainings recorded are those of two test splits, perhaps.
  if (!data?.champion || data.against !== against || data.recorded) return null;
  return { a: data.challenger, b: data.champion, differences: data.differences };
}

/**
 * The metrics of two versions side by side.
 *
 * @param rules of the promotion gate: they say which values of a metric are better
 */
function metricRows(
  { a, b, differences }: Evaluation,
  rules: ReadonlyArray<Pick<MetricRule, 'metric' | 'direction'>>,
): MetricRow[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const ours = names.filter((name) => name.startsWith('test_'));
  return (ours.length > 0 ? ours : names).map((metric) => {
    const [left, right] = [a[metric] ?? null, b[metric] ?? null];
    const difference = left === null || right === null ? null : left - right;
    const { low, high, confidence } = differences[metric] ?? {};
    const known = low !== undefined && high !== undefined && confidence !== undefined;
    const bounds = known ? { low, high, confidence } : null;
    return { metric, a: left, b: right, difference, bounds, better: betterOf(difference, directionOf(metric, rules)) };
  });
}

const LOWER = /(^|_)(loss|brier|error|mae|mse|rmse|mape|deviance|ece|calibration)(_|$)/i;
const HIGHER = /(^|_)(auc|accuracy|precision|recall|sensitivity|specificity|f1|r2|score|mcc|kappa|gini)(_|$)/i;

/** Which values of a metric are better: as the gate has it, else as its name says; null: nobody knows. */
export function directionOf(
  metric: string,
  rules: ReadonlyArray<Pick<MetricRule, 'metric' | 'direction'>>,
): 'higher' | 'lower' | null {
  const rule = rules.find((one) => one.metric === metric);
  if (rule) return rule.direction;
  return LOWER.test(metric) ? 'lower' : HIGHER.test(metric) ? 'higher' : null;
}

function betterOf(difference: number | null, direction: 'higher' | 'lower' | null): MetricRow['better'] {
  if (difference === null || direction === null) return null;
  if (difference === 0) return 'same';
  return difference > 0 === (direction === 'higher') ? 'a' : 'b';
}
