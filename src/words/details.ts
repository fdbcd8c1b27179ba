import { STAGE_TITLES } from '../contracts/names.ts';
import type {
  Explanation,
  ExtraStepProgress,
  PendingDecision,
  Progress,
  StageProgress,
} from '../contracts/progress.ts';
import type { Params } from '../contracts/training.ts';
import { WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { code, fitted, jsonBlock, link, plain, table } from './markdown.ts';
import { duration, utcMinute, utcSecond } from './time.ts';

/** Whose page it is. */
export interface Page {
  type: WorkflowName;
  workflowId: string;
  /** Workflow that started it as a stage of its own; null: none. */
  parentId: string | null;
  /** What it is about, as far as that is known. */
  registeredModel: string | null;
  version: string | null;
  /** It only tells what it would do. */
  dryRun: boolean;
  /** Where pages of workflows are; null: not known yet. */
  temporalUi: string | null;
}

const SYMBOLS: Record<StageProgress['state'], string> = {
  waiting: '·',
  running: '▶',
  done: '✔',
  skipped: '–',
  failed: '✘',
  cancelled: '✘',
};

/** Writes progress as the Markdown that the Temporal UI shows as a workflow's current details. */
export function progressMarkdown(progress: Progress, page: Page): string {
  const {
    stages,
    search,
    extraSteps = [],
    notes = [],
    waitingFor,
    decision,
    problem,
    failure,
    result,
    links,
  } = progress;
  const isOver = Boolean(failure || result);
  return fitted([
    ...(failure ? failureParts(failure) : []),
    result && `**Result.** ${plain(result)}`,
    headingText(page),
    problem && !failure && `**What went wrong.** ${plain(problem)}`,
    ...(decision ? decisionParts(decision, page) : [waitingFor && `**Waiting** for ${plain(waitingFor)}`]),
    stages.length > 0 && stageTable(stages, page),
    search && searchText(search),
    extraSteps.map(extraStepText).join(' · '),
    ...notes.map((note) => `**Note.** ${plain(note)}`),
    isOver || waitingFor || stages.some(({ state }) => state === 'running') ? null : 'It is about to begin.',
    linkText(links, page),
    logText(page),
  ]);
}

/** `learning_rate 0.0412, max_depth 6`: parameters as they are read on a line. */
export function paramsText(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? Number(value.toPrecision(3)) : value}`)
    .join(', ');
}

/** A workflow's page by its id. */
export function pageOf(temporalUi: string, workflowId: string): string {
  return `${temporalUi}/${encodeURIComponent(workflowId)}`;
}

function headingText({ type, registeredModel, version, dryRun }: Page): string {
  const about = [version && `version ${version}`, registeredModel].filter(Boolean).join(' of ');
  const dry = dryRun ? ' **Dry run:** it only tells what it would do.' : '';
  return `**${type}${about && `, ${plain(about)}`}.** ${plain(WORKFLOWS[type].about)}${dry}`;
}

function failureParts({ happened, left, next }: Explanation): string[] {
  return [
    `**What happened.** ${plain(happened)}`,
    `**What was left as it was.** ${plain(left)}`,
    `**What to do next.** ${plain(next)}`,
  ];
}

/** What a person is asked, what it can rest on, and how to answer from this page or a terminal. */
function decisionParts({ registeredModel, version, evidence, until }: PendingDecision, { workflowId }: Page): string[] {
  return [
    `**Waiting for your decision** about version ${plain(version)} of ${plain(registeredModel)}, until ` +
      `${utcMinute(until)}; after that it counts as rejected. ${plain(evidence)}`,
    `To approve, send the update ${code('decide')} (menu at the top right, "Send an Update") with`,
    jsonBlock({ decision: 'approve', by: 'your name', version }),
    'To reject, with',
    jsonBlock({ decision: 'reject', by: 'your name', reason: 'why', version }),
    `Or type ${code(`mediwatch approve ${workflowId}`)} or ${code(`mediwatch reject ${workflowId} --reason "why"`)}.`,
  ];
}

function stageTable(stages: readonly StageProgress[], page: Page): string {
  return table(
    ['', 'stage', 'started (UTC)', 'took', 'what came of it'],
    stages.map((stage) => stageRow(stage, page)),
  );
}

function stageRow({ name, state, startedAt, endedAt, summary, workflowId }: StageProgress, { temporalUi }: Page) {
  const title = STAGE_TITLES[name];
  const isChild = workflowId !== undefined && temporalUi !== null;
  return [
    SYMBOLS[state],
    isChild ? link(title, pageOf(temporalUi, workflowId)) : title,
    startedAt === undefined ? '' : utcSecond(startedAt),
    startedAt === undefined || endedAt === undefined ? '' : duration(endedAt - startedAt),
    plain(summary ?? (state === 'waiting' ? '' : state)),
  ];
}

/** `✔ notify-team, after Promote`. */
function extraStepText({ name, stage, when, state }: ExtraStepProgress): string {
  return `${SYMBOLS[state]} ${plain(name)}, ${when} ${STAGE_TITLES[stage]}`;
}

function searchText({ total, complete, failed, running, metric, best }: NonNullable<Progress['search']>): string {
  const counts = [`${complete} of ${total} trials done`, running && `${running} running`, failed && `${failed} failed`];
  const found = best && [
    `Best so far: trial ${best.number}, ${plain(metric || 'validation AUC')} **${best.score.toFixed(4)}**`,
    Object.keys(best.params).length > 0 && `with ${plain(paramsText(best.params))}`,
  ];
  return `**Search.** ${counts.filter(Boolean).join(', ')}. ${found ? `${found.filter(Boolean).join(' ')}.` : 'No score so far.'}`;
}

function linkText(links: Progress['links'], { parentId, temporalUi }: Page): string {
  const parent = parentId !== null && temporalUi !== null ? [link('Started by', pageOf(temporalUi, parentId))] : [];
  return [...parent, ...links.map(({ name, url }) => link(name, url))].join(' · ');
}

const logText = ({ workflowId }: Page) => `Logs of its steps: ${code(`mediwatch logs ${workflowId}`)}`;
