import type { LockRequest } from '../contracts/lock.ts';
import { STAGE_TITLES } from '../contracts/names.ts';
import type {
  ExtraStepProgress,
  PendingDecision,
  Progress,
  SearchProgress,
  StageProgress,
} from '../contracts/progress.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { type Explanation, explainFailure } from './explain.ts';
import { linkName, pageOf } from './links.ts';
import { code, fitted, jsonBlock, link, plain, table } from './markdown.ts';
import { duration, paramsText, score, scoreName, utcMinute, utcSecond } from './numbers.ts';
import { remarkText, resultText, stageText, waitingText } from './results.ts';
import { verdictText } from './verdicts.ts';

const SYMBOLS: Record<StageProgress['state'], string> = {
  waiting: '·',
  running: '▶',
  done: '✔',
  skipped: '–',
  failed: '✘',
  cancelled: '✘',
};

/** Writes progress as the Markdown that the Temporal UI shows as a workflow's current details. */
export function progressMarkdown(progress: Progress): string {
  const { workflow, stages, search, extraSteps, remarks, waiting, failure, result } = progress;
  const isOver = failure !== null || result !== null;
  return fitted([
    ...(failure ? failureParts(explainFailure(progress, failure)) : []),
    result !== null && `**Result.** ${plain(resultText(workflow, result as never))}`,
    headingText(progress),
    ...(waiting?.for === 'decision'
      ? decisionParts(waiting, progress)
      : [waiting && `**Waiting** for ${plain(waitingText(waiting, progress.workflowId))}`]),
    stages.length > 0 && stageTable(progress),
    search && searchText(search),
    extraSteps.map(extraStepText).join(' · '),
    ...remarks.map((remark) => `**Note.** ${plain(remarkText(remark))}`),
    isOver || waiting || stages.some(({ state }) => state === 'running') ? null : 'It is about to begin.',
    linkText(progress),
    `Logs of its steps: ${code(`mediwatch logs ${progress.workflowId}`)}`,
  ]);
}

function headingText({ workflow, registeredModel, version, dryRun }: Progress): string {
  const about = [version && `version ${version}`, registeredModel].filter(Boolean).join(' of ');
  const dry = dryRun ? ' **Dry run:** it only says what it would do.' : '';
  return `**${workflow}${about && `, ${plain(about)}`}.** ${plain(WORKFLOWS[workflow].about)}${dry}`;
}

function failureParts({ happened, left, next }: Explanation): string[] {
  return [
    `**What happened.** ${plain(happened)}`,
    `**What was left as it was.** ${plain(left)}`,
    `**What to do next.** ${plain(next)}`,
  ];
}

/** What a person is asked, what it can rest on, and how to answer from this page or a terminal. */
function decisionParts(decision: PendingDecision, { workflowId }: Progress): string[] {
  const { registeredModel, version, verdict, until } = decision;
  return [
    `**Waiting for your decision** about version ${plain(version)} of ${plain(registeredModel)}, until ` +
      `${utcMinute(until)}; after that it counts as rejected. ${plain(verdictText(verdict))}`,
    `To approve, send the update ${code('decide')} (menu at the top right, "Send an Update") with`,
    jsonBlock({ decision: 'approve', by: 'your name', version }),
    'To reject, with',
    jsonBlock({ decision: 'reject', by: 'your name', reason: 'why', version }),
    `Or type ${code(`mediwatch approve ${workflowId}`)} or ${code(`mediwatch reject ${workflowId} --reason "why"`)}.`,
  ];
}

function stageTable({ stages, temporalUi }: Progress): string {
  return table(
    ['', 'stage', 'started (UTC)', 'took', 'what came of it'],
    stages.map((stage) => {
      const { name, state, startedAt, endedAt, workflowId } = stage;
      const title = STAGE_TITLES[name];
      return [
        SYMBOLS[state],
        workflowId !== undefined && temporalUi !== null ? link(title, pageOf(temporalUi, workflowId)) : title,
        startedAt === undefined ? '' : utcSecond(startedAt),
        startedAt === undefined || endedAt === undefined ? '' : duration(endedAt - startedAt),
        plain(stageText(stage)),
      ];
    }),
  );
}

/** `✔ notify-team, after Promote`. */
function extraStepText({ name, stage, when, state }: ExtraStepProgress): string {
  return `${SYMBOLS[state]} ${plain(name)}, ${when} ${STAGE_TITLES[stage]}`;
}

function searchText({ total, complete, pruned, failed, running, metric, best }: SearchProgress): string {
  const counts = [
    `${complete + pruned} of ${total} trials done`,
    running && `${running} running`,
    pruned && `${pruned} pruned`,
    failed && `${failed} failed`,
  ];
  const found = best && [
    `Best so far: trial ${best.number}, ${plain(scoreName(metric))} **${score(best.score)}**`,
    Object.keys(best.params).length > 0 && `with ${plain(paramsText(best.params))}`,
  ];
  return `**Search.** ${counts.filter(Boolean).join(', ')}. ${found ? `${found.filter(Boolean).join(' ')}.` : 'No score so far.'}`;
}

function linkText({ links, parentId, temporalUi }: Progress): string {
  const parent = parentId !== null && temporalUi !== null ? [link('Started by', pageOf(temporalUi, parentId))] : [];
  return [...parent, ...links.map((to) => link(linkName(to), to.url))].join(' · ');
}

/** Writes who holds a lock, and who waits for it, as the Markdown that the Temporal UI shows as its current details. */
export function lockMarkdown(registeredModel: string, queue: readonly LockRequest[]): string {
  const [holder, ...others] = queue;
  return fitted([
    `**The lock of ${plain(registeredModel)}.** Only one workflow at a time changes what is in Production.`,
    holder
      ? holderText(holder)
      : 'Free: nobody holds it. It ends by itself, and the next that wants it starts it again.',
    holder && (others.length > 0 ? `Waiting, in order of arrival: ${others.length}.` : 'Nobody else waits for it.'),
    others.length > 0 && table(['', 'workflow', 'wants to', 'asked at (UTC)'], others.slice(0, SHOWN).map(row)),
    others.length > SHOWN && `And ${others.length - SHOWN} more.`,
    'Nothing has to be done here: the next gets the lock as soon as the holder gives it back or has ended in whatever ' +
      'way. To stop a holder, cancel that workflow, not this one; cancelling this one does nothing.',
  ]);
}

/** Others are counted. */
const SHOWN = 30;

function holderText({ holder, heldSince, ...request }: LockRequest): string {
  const since = heldSince === undefined ? '' : `, since ${utcSecond(heldSince)} UTC`;
  return `**Held by** ${code(holder.workflowId)} to ${purposeText(request)}${since}.`;
}

function row({ holder, askedAt, ...request }: LockRequest, index: number): string[] {
  return [
    String(index + 1),
    code(holder.workflowId),
    purposeText(request),
    askedAt === undefined ? '' : utcSecond(askedAt),
  ];
}

const VERBS = { promote: 'promote', rollback: 'roll back to', redeploy: 'redeploy' } as const;

/** `promote version 3`: what the lock is wanted for. */
function purposeText({ purpose, version }: Pick<LockRequest, 'purpose' | 'version'>): string {
  const fallback = { promote: 'the newest version', rollback: 'the version before', redeploy: 'the API' }[purpose];
  return `${VERBS[purpose]} ${version === null ? fallback : `version ${version}`}`;
}
