import type { Config } from '../../config.ts';
import { starterOf, TAGS } from '../../contracts/names.ts';
import { oneLine } from '../../contracts/text.ts';
import type { NamedScore } from '../../contracts/training.ts';
import { quoted, tagEndsIn, tagIs } from '../../systems/mlflow/filter.ts';
import type { Mlflow, ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { withoutAdvice } from '../../words/explain.ts';
import { temporalLink } from '../../words/links.ts';
import { duration, metricName, NONE, scoreCell, scoreText, utcMinute } from '../../words/numbers.ts';
import { verdictGrounds } from '../../words/verdicts.ts';
import type { Cli, Style } from '../cli.ts';
import { askMlflow } from '../session.ts';
import { scoresOf } from '../versions/registry.ts';
import { flow, tableLines, wrap } from '../views/text.ts';
import { askLive, hasFailed, recordedVerdict, type Verdict, verdict } from './verdict.ts';

/** Which retrains are wanted; what is absent is no condition. */
export interface RetrainsWanted {
  limit: number;
  /** Started at or after this (Unix time, ms). */
  since?: number | undefined;
  /** Text in the trigger, in whatever case. */
  trigger?: string | undefined;
  /** Kind of model. */
  model?: string | undefined;
  /** Only those that failed, or ended without a word. */
  failed?: boolean | undefined;
}

/** A retrain as MLflow keeps it. */
interface Retrain {
  workflowId: string;
  /** ISO 8601. */
  startedAt: string;
  /** ISO 8601; null: it runs, or nobody knows when it ended. */
  endedAt: string | null;
  seconds: number | null;
  /** Kind of model. */
  model: string | null;
  trigger: string;
  /** Version that it registered. */
  version: string | null;
  /** Of its version on the test split. */
  score: NamedScore | null;
  testAuc: number | null;
  verdict: Verdict;
  /** Why its version was rolled back later; null: it was not. */
  rolledBack: string | null;
  /** MLflow run. */
  runId: string;
  revision: string | null;
  links: { workflow: string; run: string; version: string | null; report: string | null };
}

interface Retrains {
  registeredModel: string;
  /** Newest first. */
  retrains: Retrain[];
  /** Whether there are earlier ones than those. */
  more: boolean;
  /** Whether Temporal answered for those that run; if not, they are as MLflow has them. */
  live: boolean;
}

/** Shows the retrains of a model, newest first. */
export async function showRetrains(cli: Cli, config: Config, wanted: RetrainsWanted): Promise<void> {
  const retrains = await gatherRetrains(cli, config, wanted);
  cli.show(retrains, () => retrainLines(retrains, { ...cli, now: Date.now() }));
}

/** A page is at least this long when not every run of it is wanted. */
const PAGE = 200;
/** Experiments that one search names; of more, only the one of the settings is looked at. */
const EXPERIMENTS = 200;

/**
 * The retrains of a model: one search for their runs, one for the versions that they made, and Temporal's word on those
 * that run.
 *
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
async function gatherRetrains(cli: Cli, config: Config, wanted: RetrainsWanted): Promise<Retrains> {
  const { registeredModel } = config.registry;
  return await askMlflow(config, async (mlflow) => {
    const found = findRuns(mlflow, config, wanted);
    const held = found.then((runs) => runs.filter(({ status }) => status === 'RUNNING').map(idOf));
    const [runs, versions, live] = await Promise.all([
      found,
      mlflow.searchVersions(`name = ${quoted(registeredModel)}`),
      askLive(cli, held),
    ]);
    const versionOf = versionFinder(runs, versions);
    const verdicts = verdictFinder(runs, live);
    const retrains = runs
      .map((run) => retrainOf(mlflow, config, { run, version: versionOf(run), verdict: verdicts(run) }))
      .filter(({ model }) => isKind(model, wanted.model))
      .filter(({ verdict: { kind } }) => !wanted.failed || kind === 'failed' || kind === 'lost');
    const more = retrains.length > wanted.limit;
    return { registeredModel, retrains: retrains.slice(0, wanted.limit), more, live: live !== null };
  });
}

/** Kinds are spelled by those who make the models. */
const isKind = (kind: string | null, wanted: string | undefined) =>
  wanted === undefined || kind?.toLowerCase() === wanted.toLowerCase();

/** The runs of the wanted retrains, newest first, and one more than is shown if there is one. */
async function findRuns(mlflow: Mlflow, config: Config, wanted: RetrainsWanted): Promise<Run[]> {
  const { since, model, failed, trigger, limit } = wanted;
  const ids = await mlflow.experimentIds();
  const own = ids.length > EXPERIMENTS ? await mlflow.findExperiment(config.mlflow.experiment) : undefined;
  const experiments = own === undefined ? ids.slice(0, EXPERIMENTS) : [own];
  if (experiments.length === 0) return [];
  const conditions = [
    // The key says of what kind a run is.
    tagEndsIn(TAGS.key, '/retrain'),
    tagIs('mediwatch.registeredModel', config.registry.registeredModel),
    ...(since === undefined ? [] : [`attributes.start_time >= ${since}`]),
    ...(failed ? ["attributes.status != 'FINISHED'"] : []),
  ];
  // What a command trained stands on its version alone.
  const mayBe = ({ tags: { [TAGS.model]: kind } }: Run) => kind === undefined || isKind(kind, model);
  const isWanted = (run: Run) =>
    mayBe(run) &&
    (trigger === undefined || triggerOf(run).toLowerCase().includes(trigger.toLowerCase())) &&
    (!failed || hasFailed(run) || run.status === 'RUNNING');
  // Whether one failed that has not closed its run is known only later, and so is what a command trained.
  const isSure = ({ status, tags }: Run) =>
    (!failed || status !== 'RUNNING') && (model === undefined || tags[TAGS.model] !== undefined);

  const found = new Map<string, Run>();
  let sure = 0;
  const pageSize = trigger === undefined && model === undefined && !failed ? limit + 1 : Math.max(PAGE, limit + 1);
  const orderBy = ['attributes.start_time DESC'];
  for await (const page of mlflow.pagesOfRuns(experiments, conditions.join(' and '), { pageSize, orderBy })) {
    for (const run of page.filter(isWanted)) {
      // A run that began meanwhile moves others to the next page.
      if (found.has(run.runId)) continue;
      found.set(run.runId, run);
      if (isSure(run)) sure += 1;
      if (sure > limit) return [...found.values()];
    }
  }
  return [...found.values()];
}

/**
 * Finds the version that a retrain made: by its run, else, of a script with a run of its own, by its id. An id may have
 * been used again: a version is of the latest run that had begun.
 */
function versionFinder(
  runs: readonly Run[],
  versions: readonly ModelVersion[],
): (run: Run) => ModelVersion | undefined {
  const byRun = new Map(versions.toReversed().map((version) => [version.runId, version]));
  const byRetrain = Map.groupBy(versions, ({ tags }) => starterOf(tags[TAGS.workflowId] ?? ''));
  const runsOf = Map.groupBy(runs, idOf);
  const isOf = (run: Run, { createdAt }: ModelVersion) =>
    runsOf.get(idOf(run))?.find(({ startTime }) => startTime <= createdAt)?.runId === run.runId;
  return (run) => byRun.get(run.runId) ?? byRetrain.get(idOf(run))?.find((version) => isOf(run, version));
}

/** What Temporal says of a run; of several of one workflow id, it knows the newest. */
function verdictFinder(
  runs: readonly Run[],
  live: ReadonlyMap<string, Verdict> | null,
): (run: Run) => Verdict | undefined {
  const newest = new Map(runs.toReversed().map((run) => [idOf(run), run.runId]));
  return (run) => {
    const now = newest.get(idOf(run)) === run.runId ? live?.get(idOf(run)) : undefined;
    if (run.status === 'RUNNING')
      return now ?? (live ? verdict('lost', 'another run of its id came later') : undefined);
    return now?.kind === 'lost' ? undefined : now;
  };
}

interface Found {
  run: Run;
  version: ModelVersion | undefined;
  /** Temporal's word; undefined: it says nothing. */
  verdict: Verdict | undefined;
}

function retrainOf(mlflow: Mlflow, config: Config, { run, version, verdict }: Found): Retrain {
  const { runId, experimentId, tags, startTime, endTime } = run;
  const workflowId = idOf(run);
  const { kind } = verdict ?? {};
  const end = kind === 'running' || kind === 'waiting' ? undefined : endTime;
  return {
    workflowId,
    startedAt: new Date(startTime).toISOString(),
    endedAt: end === undefined ? null : new Date(end).toISOString(),
    seconds: end === undefined ? null : (end - startTime) / 1000,
    model: version?.tags[TAGS.model] ?? tags[TAGS.model] ?? null,
    trigger: triggerOf(run),
    version: version?.version ?? null,
    ...scoresOf(version ?? { tags: {} }, config, run.metrics),
    verdict: verdict ?? recordedVerdict(run),
    rolledBack: version?.tags[TAGS.rolledBack] ?? null,
    runId,
    revision: tags[TAGS.revision] ?? version?.tags[TAGS.revision] ?? null,
    links: {
      workflow: temporalLink(config, workflowId).url,
      run: mlflow.links.runUrl(experimentId, runId),
      version: version ? mlflow.links.versionUrl(version.name, version.version) : null,
      report: version ? (version.tags[TAGS.report] ?? mlflow.links.reportUrl(experimentId, version.runId)) : null,
    },
  };
}

const idOf = (run: Run) => run.tags[TAGS.workflowId] ?? run.name;
const triggerOf = (run: Run) => run.tags[TAGS.trigger] ?? 'manual';

interface Canvas {
  /** Width of the terminal (characters); infinite for a file or a pipe. */
  width: number;
  style: Style;
  /** Unix time (ms). */
  now: number;
}

/** Narrower terminals have the rows of the table as paragraphs. */
const WIDE_ENOUGH = 120;

/** The retrains in lines for a reader, newest first. */
export function retrainLines({ registeredModel, retrains, more, live }: Retrains, canvas: Canvas): string[] {
  const { width, style } = canvas;
  if (retrains.length === 0) return [`No such retrain of ${registeredModel} is known to MLflow.`];
  const isSilent = !live && retrains.some(({ verdict: { kind } }) => kind === 'running');
  return [
    style('bold', `${registeredModel}: retrains`),
    '',
    ...(width >= WIDE_ENOUGH ? wide(retrains, canvas) : retrains.flatMap((retrain) => narrow(retrain, canvas))),
    ...(more ? ['', `There are earlier ones: --limit ${retrains.length * 2} shows more of them.`] : []),
    ...(isSilent ? ['', style('yellow', 'Temporal does not answer: what runs is shown as MLflow has it.')] : []),
  ];
}

function wide(retrains: readonly Retrain[], { width, style, now }: Canvas): string[] {
  const words = retrains.map((retrain) => facts(retrain, now));
  const metrics = [...new Set(retrains.flatMap(({ score }) => score?.metric ?? []))];
  // Of several kinds each is called by its name.
  const only = metrics.length === 1 ? metrics[0] : undefined;
  const column = (title: string, name: keyof ReturnType<typeof facts>, align: 'left' | 'right' = 'left') => ({
    title,
    cells: words.map((facts) => facts[name]),
    align,
  });
  return tableLines(
    [
      column('started (UTC)', 'started'),
      column('workflow', 'workflowId'),
      column('model', 'model'),
      column('trigger', 'trigger'),
      column('version', 'version', 'right'),
      column(only === undefined ? 'score' : metricName(only), only === undefined ? 'named' : 'value', 'right'),
      column('took', 'took', 'right'),
      { ...column('what came of it', 'verdict'), look: (text, row) => coloured(retrains[row] as Retrain, text, style) },
    ],
    { width, style },
  );
}

function narrow(retrain: Retrain, { width, style, now }: Canvas): string[] {
  const { started, workflowId, model, trigger, version, named, took, verdict } = facts(retrain, now);
  const scores = [version !== NONE && `version ${version}`, named !== NONE && named, took !== NONE && took];
  return [
    ...flow([started, ...scores.filter((part) => part !== false)], width),
    ...wrap(verdict, width - 2).map((line) => `  ${coloured(retrain, line, style)}`),
    ...flow([workflowId, model, trigger], width, '  ').map((line) => style('dim', line)),
  ];
}

/** What is shown of a retrain; no text has a line break. */
function facts({ startedAt, workflowId, model, trigger, version, score, seconds, ...rest }: Retrain, now: number) {
  const { kind } = rest.verdict;
  const goesOn = kind === 'running' || kind === 'waiting';
  const ms = goesOn ? now - Date.parse(startedAt) : seconds === null ? null : seconds * 1000;
  return {
    started: utcMinute(startedAt).replace(' UTC', ''),
    workflowId,
    model: model ?? NONE,
    trigger: oneLine(trigger),
    version: version ?? NONE,
    value: scoreCell(score?.value),
    named: score ? scoreText(score) : NONE,
    took: ms === null ? NONE : duration(ms),
    verdict: becameText(rest.verdict, rest.rolledBack),
  };
}

/** What became of a retrain, in a line. */
export function becameText(became: Verdict, rolledBack: string | null): string {
  const { kind, stage, reason, gate, failureType } = became;
  const why = oneLine(gate ? verdictGrounds(gate) : withoutAdvice(failureType, reason));
  const because = why ? `: ${why}` : '';
  const later = rolledBack === null ? '' : `, rolled back later: ${oneLine(rolledBack)}`;
  switch (kind) {
    case 'promoted':
      return `promoted to ${stage}${later}`;
    case 'notPromoted':
      return `not promoted${because}${later}`;
    case 'registered':
      return `registered only${later}`;
    case 'failed':
      return `failed${because}`;
    case 'cancelled':
      return 'cancelled';
    case 'running':
      return `running${because}`;
    case 'waiting':
      return 'waits for approval';
    case 'lost':
      return `ended without a word${because}`;
  }
}

const COLOURS: Partial<Record<Verdict['kind'], Parameters<Style>[0]>> = {
  promoted: 'green',
  notPromoted: 'yellow',
  failed: 'red',
  cancelled: 'yellow',
  running: 'cyan',
  waiting: 'yellow',
  lost: 'red',
};

function coloured({ verdict: { kind }, rolledBack }: Retrain, text: string, style: Style): string {
  const colour = kind === 'promoted' && rolledBack !== null ? 'yellow' : COLOURS[kind];
  return colour ? style(colour, text) : text;
}
