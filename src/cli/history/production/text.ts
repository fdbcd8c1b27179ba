import type { ProductionEntry } from '../../../contracts/registry.ts';
import { score } from '../../../words/numbers.ts';
import { changeReasonText } from '../../../words/verdicts.ts';
import type { Style } from '../../io.ts';
import { oneLine } from '../../views/format.ts';
import type { Moment } from './entries.ts';
import type { History, HistoryEntry } from './gather.ts';

const ACTIONS: Record<ProductionEntry['reason']['code'], string> = {
  promote: 'promoted',
  rollback: 'rolled back to',
  restore: 'restored',
};

/** The changes of Production in lines for a reader, newest first. */
export function historyLines({ registeredModel, production, entries, shown, hidden }: History, style: Style): string[] {
  if (entries.length === 0) {
    const now = production ? `, although version ${production} is there` : '';
    return [`No workflow has put a version of ${registeredModel} into Production yet${now}.`];
  }
  const newest = entries.at(-1);
  return [
    style('bold', `${registeredModel}: what was in Production`),
    ...(newest?.version === production ? [] : ['', style('yellow', pastUs(production))]),
    ...shown.flatMap((entry) => ['', ...entryLines(entry, style)]),
    ...(hidden > 0 ? ['', `${hidden} earlier; show them with --limit ${shown.length + hidden}.`] : []),
  ];
}

function pastUs(production: string | null): string {
  const now = production === null ? 'Nothing is in Production' : `Version ${production} is in Production`;
  return `${now} now, which no workflow did: it was changed in MLflow by hand. "mediwatch doctor" tells more.`;
}

function entryLines(entry: HistoryEntry, style: Style): string[] {
  const { at, version, replaced, by, actor, reason, links } = entry;
  const { challengerAuc = null, championAuc = null } = reason.code === 'promote' ? reason : {};
  const place = replaced ? `in place of version ${replaced}` : 'where nothing was';
  const scores = [
    ...(challengerAuc === null ? [] : [`test AUC ${score(challengerAuc)}`]),
    ...(championAuc === null ? [] : [`against ${score(championAuc)}`]),
  ].join(' ');
  return [
    `${style('bold', readable(at))}  ${ACTIONS[reason.code]} version ${version}, ${place}`,
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

/** What was in Production at a moment, in a sentence or two. */
export function momentLines(registeredModel: string, time: number, { version, since, until }: Moment): string[] {
  const when = readable(new Date(time).toISOString());
  if (version === null) return [`At ${when}, nothing of ${registeredModel} was in Production, as far as is known.`];
  const began = since
    ? `since ${readable(since.at)} (${ACTIONS[since.reason.code]} by ${oneLine(since.actor)}: ${oneLine(changeReasonText(since.reason))})`
    : 'from before the history begins';
  const ended = until ? `until ${readable(until.at)}, when version ${until.version} came` : 'to this day';
  return [`At ${when}, version ${version} of ${registeredModel} was in Production: ${began}, ${ended}.`];
}

function readable(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}
