import { STAGE_TITLES } from '../contracts/names.ts';
import type { ExtraStepProgress, Progress, StageProgress } from '../contracts/progress.ts';
import type { Params } from '../contracts/training.ts';

const SYMBOLS: Record<StageProgress['state'], string> = {
  waiting: '·',
  running: '▶',
  done: '✔',
  skipped: '–',
  failed: '✘',
  cancelled: '✘',
};

/** Writes progress as the Markdown that the Temporal UI shows as a workflow's current details. */
export function progressMarkdown({ stages, search, extraSteps = [], waitingFor, problem, links }: Progress): string {
  const parts = [
    problem && `**What went wrong.** ${problem}`,
    waitingFor && `**Waiting** for ${waitingFor}`,
    ['| | stage | time | |', '|---|---|---|---|', ...stages.map(stageRow)].join('\n'),
    extraSteps.map(extraStepText).join(' · '),
    search && searchText(search),
    links.map(({ name, url }) => `[${name}](${url})`).join(' · '),
  ];
  return parts.filter(Boolean).join('\n\n');
}

/** `learning_rate 0.0412, max_depth 6`: parameters as they are read on a line. */
export function paramsText(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`)
    .join(', ');
}

function stageRow({ name, state, startedAt, endedAt, summary }: StageProgress): string {
  const seconds = startedAt && endedAt ? `${((endedAt - startedAt) / 1000).toFixed(1)} s` : '';
  const text = (summary ?? (state === 'waiting' ? '' : state)).replaceAll('|', '\\|').replaceAll('\n', ' ');
  return `| ${SYMBOLS[state]} | ${STAGE_TITLES[name]} | ${seconds} | ${text} |`;
}

/** `✔ notify-team, after Promote`. */
function extraStepText({ name, stage, when, state }: ExtraStepProgress): string {
  return `${SYMBOLS[state]} ${name}, ${when} ${STAGE_TITLES[stage]}`;
}

function searchText({ total, complete, failed, running, metric, best }: NonNullable<Progress['search']>): string {
  const counts = [`${complete} of ${total} trials done`, running && `${running} running`, failed && `${failed} failed`];
  const score = best
    ? `Best so far: trial ${best.number}, ${metric ?? 'validation AUC'} **${best.score.toFixed(4)}** (${paramsText(best.params)}).`
    : '';
  return `${counts.filter(Boolean).join(', ')}. ${score}`;
}
