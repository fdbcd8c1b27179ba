import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Report } from '../../activities/training/report.ts';
import type { Plan } from '../../contracts/plan.ts';
import type { ModelVersionRef } from '../../contracts/registry.ts';
import type { ReportInput, ReportOutcome } from '../../contracts/report.ts';
import type { Dataset, Params } from '../../contracts/training.ts';
import type { RetrainResult, SearchResult } from '../../contracts/workflows.ts';
import { pageOf } from '../../words/details.ts';
import { stepActivities } from './activities.ts';
import { triggerOf } from './attributes.ts';
import type { Board } from './board.ts';
import { rootMessage, wasCancelled } from './failures.ts';

/** What a page is about. */
export interface Subject {
  version: ModelVersionRef;
  dataset: Dataset;
  params?: Params | undefined;
  search?: Pick<SearchResult, 'trials' | 'metric'> | null | undefined;
  trigger?: string | undefined;
  /** Link to the drift report that led to the version. */
  driftReport?: string | undefined;
}

type Production = Pick<RetrainResult, 'promotion' | 'deployment'>;

/**
 * Writes the page about a new version while the body decides what becomes of the version, and draws it anew when that
 * is known, be it a failure. Whatever becomes of the page, nothing of the run changes: what went wrong is told on the
 * board. A plan that asks for no page, which every older one is, schedules nothing.
 */
export async function withReport<Result extends Production>(
  board: Board,
  plan: Plan,
  subject: Subject,
  body: () => Promise<Result>,
): Promise<{ production: Result; page: Report | null }> {
  const { version, champion = null } = subject.version;
  const first = write(board, plan, subject, champion, null);
  const withOutcome = async (outcome: ReportOutcome, against: string | null) =>
    (await first) && write(board, plan, subject, against, outcome);
  try {
    const production = await body();
    const { promotion, deployment } = production;
    if (promotion) {
      // Another version may have come to Production since ours was registered: the gate compared with that one.
      const against = promotion.champion === version ? champion : promotion.champion;
      const { stage, promoted, reason, approvedBy = null } = promotion;
      await withOutcome({ stage, promoted, reason, approvedBy, deployed: deployment !== null }, against);
    }
    return { production, page: await first };
  } catch (error) {
    // A cancelled run waits only until the processes of the step are gone.
    const cancelled = wasCancelled(error);
    const reason = rootMessage(error);
    const outcome = { stage: plan.stage, promoted: false, reason, approvedBy: null, deployed: false };
    await (cancelled ? first : withOutcome(outcome, champion));
    throw error;
  }
}

/** Writes the page about a version of which nothing else becomes. */
export function writeReport(board: Board, plan: Plan, subject: Subject): Promise<Report | null> {
  return write(board, plan, subject, subject.version.champion ?? null, null);
}

/** @returns null: nobody wanted a page, it could not be written, or the run was cancelled */
async function write(
  board: Board,
  plan: Plan,
  subject: Subject,
  champion: string | null,
  outcome: ReportOutcome | null,
): Promise<Report | null> {
  if (!plan.report) return null;
  const { version, dataset, params = null, driftReport = null } = subject;
  const { registeredModel, model } = plan;
  try {
    const { reportUri, url } = await reportActivities(plan).writeReport({
      registeredModel,
      version: version.version,
      champion,
      dataset,
      model,
      params,
      search: searchOf(plan, subject),
      lineage: lineageOf(plan, subject),
      driftReport,
      outcome,
    });
    board.link('Report', url);
    return { reportUri, url };
  } catch (error) {
    if (!isCancellation(error)) {
      const what = outcome ? 'The report does not tell what became of the version' : 'The report could not be written';
      board.remark(`${what}; nothing else is affected. ${rootMessage(error)}`);
    }
    return null;
  }
}

/** Time for attempts that fail at once and the waits between them (s). */
const REPORT_SLACK_SECONDS = 300;

/** A page is not worth waiting for long: a run that failed to write it ends without. */
function reportActivities(plan: Plan) {
  const seconds = plan.stepTimeoutSeconds.report + (plan.stepRetry?.report?.slotWaitSeconds ?? 0);
  return stepActivities(plan, 'report', { scheduleToCloseTimeout: (seconds + REPORT_SLACK_SECONDS) * 1000 });
}

function searchOf({ space, direction = 'maximize', metric }: Plan, { search }: Subject): ReportInput['search'] {
  return { trials: search?.trials ?? [], metric: search?.metric || metric || 'validation AUC', direction, space };
}

function lineageOf({ data, seed, links }: Plan, { trigger = triggerOf() }: Subject) {
  const { workflowId, startTime } = workflowInfo();
  return {
    workflowId,
    workflowUrl: pageOf(links.temporalUi, workflowId),
    trigger,
    startedAt: startTime.toISOString(),
    data,
    seed,
  };
}
