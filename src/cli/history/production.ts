import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import { ProductionEntry } from '../../contracts/registry.ts';
import { REPORT_FILES } from '../../contracts/report.ts';
import { oneLine, parseJson } from '../../contracts/text.ts';
import { productionOf } from '../../domain/registryMoves.ts';
import type { Mlflow, ModelVersion } from '../../systems/mlflow/index.ts';
import { temporalLink } from '../../words/links.ts';
import { score, utcSecond } from '../../words/numbers.ts';
import { changeReasonText } from '../../words/verdicts.ts';
import type { Cli, Style } from '../cli.ts';
import { askMlflow } from '../session.ts';

interface Wanted {
  /** The most entries that are shown. */
  limit: number;
  /** Only entries from then on are shown (Unix time, ms). */
  since?: number | undefined;
}

/** Shows what was in Production when, the newest change first. */
export async function showProduction(cli: Cli, config: Config, wanted: Wanted): Promise<void> {
  const history = await gatherHistory(config, wanted);
  const { registeredModel, production, entries, shown } = history;
  const document = { registeredModel, production, total: entries.length, entries: shown };
  cli.show(document, () => historyLines(history, cli.style));
}

/** Shows what was in Production at a moment (Unix time, ms). */
export async function showMoment(cli: Cli, config: Config, time: number): Promise<void> {
  const { registeredModel, entries } = await gatherHistory(config, { limit: 0 });
  const moment = momentOf(entries, time);
  const document = { registeredModel, at: new Date(time).toISOString(), ...moment };
  cli.show(document, () => [momentText(registeredModel, time, moment)]);
}

interface HistoryEntry extends ProductionEntry {
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

interface History {
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
 * The history of Production as the registry holds it.
 *
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
async function gatherHistory(config: Config, { limit, since = Number.NEGATIVE_INFINITY }: Wanted): Promise<History> {
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
    const production = productionOf(versions)?.version ?? null;
    return { registeredModel, production, entries, shown, hidden: wanted.length - shown.length };
  });
}

async function linksOf(
  mlflow: Mlflow,
  config: Config,
  versions: readonly ModelVersion[],
  { version, replaced, reason, by }: ProductionEntry,
): Promise<HistoryEntry['links']> {
  const subject = version ?? replaced ?? '';
  const page = mlflow.links.versionUrl(config.registry.registeredModel, subject);
  const runId = versions.find((other) => other.version === subject)?.runId;
  const run = runId ? await mlflow.getRun(runId) : undefined;
  const file =
    reason.code === 'promote' ? `promotion/version-${version}-against-${replaced ?? 'none'}.html` : REPORT_FILES.page;
  const report = run ? mlflow.links.artifactUrl(run.experimentId, run.runId, file) : page;
  return { workflow: temporalLink(config, by).url, report, version: page };
}

type Tagged = Pick<ModelVersion, 'version' | 'tags'>;

/** The history of Production as the tags of all versions hold it, oldest first. What is no entry is passed over. */
export function entriesOf(versions: readonly Tagged[]): ProductionEntry[] {
  return versions
    .flatMap(({ tags }) => Object.entries(tags).filter(([name]) => name.startsWith(TAGS.production)))
    .flatMap(([, value]) => ProductionEntry.safeParse(parseJson(value)).data ?? [])
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** What was in Production at a moment. */
interface Moment {
  /** Null: nothing, as far as the history knows. */
  version: string | null;
  /** The change that put it there; null for what was there before the history begins. */
  since: ProductionEntry | null;
  /** The change that ended it; null when it is still there. */
  until: ProductionEntry | null;
}

/** @param time Unix time (ms) */
export function momentOf(entries: readonly ProductionEntry[], time: number): Moment {
  const since = entries.findLast(({ at }) => Date.parse(at) <= time) ?? null;
  const until = entries.find(({ at }) => Date.parse(at) > time) ?? null;
  return { version: since ? since.version : (until?.replaced ?? null), since, until };
}

/**
 * Whether an entry does not follow from the one before it: Production was changed in between, past the workflows. A
 * change that broke off and was taken back may have no entry of its own.
 */
export function followsGap(entry: ProductionEntry, before: ProductionEntry | undefined): boolean {
  const brokeOff = entry.reason.code === 'restore' && before?.version === entry.version;
  return before !== undefined && before.version !== entry.replaced && !brokeOff;
}

const ACTIONS: Record<ProductionEntry['reason']['code'], string> = {
  promote: 'promoted',
  rollback: 'rolled back to',
  restore: 'restored',
};

/** The changes of Production in lines for a reader, newest first. */
function historyLines({ registeredModel, production, entries, shown, hidden }: History, style: Style): string[] {
  if (entries.length === 0) {
    const now = production ? `, although version ${production} is there` : '';
    return [`No workflow has put a version of ${registeredModel} into Production yet${now}.`];
  }
  return [
    style('bold', `${registeredModel}: what was in Production`),
    ...(entries.at(-1)?.version === production ? [] : ['', style('yellow', pastUs(production))]),
    ...shown.flatMap((entry) => ['', ...entryLines(entry, style)]),
    ...(hidden > 0 ? ['', `${hidden} earlier; show them with --limit ${shown.length + hidden}.`] : []),
  ];
}

function pastUs(production: string | null): string {
  const now = production === null ? 'Nothing is in Production' : `Version ${production} is in Production`;
  return `${now} now, which no workflow did: it was changed in MLflow by hand. "mediwatch doctor" shows more.`;
}

function entryLines(entry: HistoryEntry, style: Style): string[] {
  const { at, by, actor, reason, links } = entry;
  const { challengerAuc = null, championAuc = null } = reason.code === 'promote' ? reason : {};
  const scores = [
    ...(challengerAuc === null ? [] : [`test AUC ${score(challengerAuc)}`]),
    ...(championAuc === null ? [] : [`against ${score(championAuc)}`]),
  ].join(' ');
  return [
    `${style('bold', readable(at))}  ${actionText(entry)}`,
    `  who       ${oneLine(actor)}, by ${by}`,
    `  why       ${oneLine(changeReasonText(reason))}`,
    ...(scores ? [`  evidence  ${scores}`] : []),
    `  report    ${links.report}`,
    `  workflow  ${links.workflow}`,
    ...(entry.followsGap
      ? [style('yellow', '  Between this and the one before, it was changed in MLflow by hand.')]
      : []),
  ];
}

function actionText({ version, replaced, reason }: ProductionEntry): string {
  if (version === null) return `took back version ${replaced}: nothing was in Production again`;
  const place = replaced ? `in place of version ${replaced}` : 'where nothing was';
  return `${ACTIONS[reason.code]} version ${version}, ${place}`;
}

function momentText(registeredModel: string, time: number, { version, since, until }: Moment): string {
  const when = readable(time);
  if (version === null) return `At ${when}, nothing of ${registeredModel} was in Production, as far as is known.`;
  const began = since
    ? `since ${readable(since.at)} (${ACTIONS[since.reason.code]} by ${oneLine(since.actor)}: ${oneLine(changeReasonText(since.reason))})`
    : 'from before the history begins';
  const next = until?.version ? `version ${until.version} came` : 'it was taken back';
  const ended = until ? `until ${readable(until.at)}, when ${next}` : 'to this day';
  return `At ${when}, version ${version} of ${registeredModel} was in Production: ${began}, ${ended}.`;
}

const readable = (time: number | string) => `${utcSecond(time)} UTC`;
