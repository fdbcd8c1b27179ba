import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { RetrainPlan, TrainPlan } from '../../contracts/plans.ts';
import type { ModelVersionRef } from '../../contracts/registry.ts';
import type { ReportOutcome } from '../../contracts/report.ts';
import type { Dataset, Params, Trial } from '../../contracts/training.ts';
import type { ResultOf, RetrainResult, SearchResult } from '../../contracts/workflows.ts';
import { trialScore } from '../../domain/firstScore.ts';
import { pageOf } from '../../words/links.ts';
import { scoreName } from '../../words/numbers.ts';
import { verdictText } from '../../words/verdicts.ts';
import { stepActivities } from './activities.ts';
import { rootMessage } from './failures.ts';
import type { Recorder } from './progress.ts';
import type { Companion } from './stages.ts';

/** What a page about a version shows. */
interface Subject {
  version: ModelVersionRef;
  dataset: Dataset;
  params: Params | null;
  trials: Trial[];
  metric: string;
}

/**
 * Writes the page about the new version while the version is promoted, and draws it again with the outcome, which may be
 * a failure. Whatever becomes of the page, nothing of the retrain changes: what went wrong is a remark.
 */
export function modelReport(plan: RetrainPlan, recorder: Recorder): Companion<RetrainResult> {
  let dataset: Dataset | undefined;
  let search: SearchResult | undefined;
  let page: { subject: Subject; first: ReturnType<typeof writeModelReport> } | undefined;

  async function drawAgain(outcome: ReportOutcome, champion: string | null) {
    const first = await page?.first;
    if (page && first) await writeModelReport(plan, recorder, page.subject, champion, outcome);
    return first ?? null;
  }

  return {
    async after(stage, result) {
      if (stage === 'prepareData') dataset = result as ResultOf<typeof stage>;
      if (stage === 'hyperparameterSearch') search = result as ResultOf<typeof stage>;
      if (stage !== 'trainBestAndRegister' || !dataset) return;
      const version = result as ResultOf<typeof stage>;
      const { trials = [], metric = '', best } = search ?? {};
      const subject = { version, dataset, params: best?.params ?? null, trials, metric };
      page = { subject, first: writeModelReport(plan, recorder, subject, version.champion ?? null, null) };
    },

    async completed(result) {
      const { version, promotion, deployment } = result;
      if (!promotion) return { ...result, version: { ...version, reportUri: (await page?.first)?.reportUri ?? null } };
      // Another version may have come to Production since this one was registered: the gate compared with that one.
      const champion = promotion.champion === version.version ? (version.champion ?? null) : promotion.champion;
      const { registryStage, promoted, verdict, forced, approvedBy } = promotion;
      const reason = verdictText(verdict, forced);
      const outcome = { stage: registryStage, promoted, reason, approvedBy, deployed: deployment !== null };
      const written = await drawAgain(outcome, champion);
      return { ...result, version: { ...version, reportUri: written?.reportUri ?? null } };
    },

    async failed({ message, cancelled }) {
      // A cancelled run waits only until the processes of the step are gone.
      if (cancelled) await page?.first;
      else {
        const outcome = {
          stage: plan.registryStage,
          promoted: false,
          reason: message,
          approvedBy: null,
          deployed: false,
        };
        await drawAgain(outcome, page?.subject.version.champion ?? null);
      }
    },
  };
}

/** Time for attempts that fail at once and the waits between them (s). */
const SLACK_SECONDS = 300;

/** @returns null: no page is wanted, it could not be written, or the workflow was cancelled */
export async function writeModelReport(
  plan: TrainPlan | RetrainPlan,
  { report }: Pick<Recorder, 'report'>,
  { version, dataset, params, trials, metric }: Subject,
  champion: string | null,
  outcome: ReportOutcome | null,
): Promise<{ reportUri: string; url: string } | null> {
  if (!plan.report) return null;
  const { registeredModel, model, data, seed, trigger, driftReport, direction, space, limits, links } = plan;
  const { workflowId, startTime } = workflowInfo();
  const { timeoutSeconds, slotWaitSeconds } = limits.report;
  // A page is not worth waiting for long: a run that failed to write it ends without.
  const scheduleToCloseTimeout = (timeoutSeconds + slotWaitSeconds + SLACK_SECONDS) * 1000;
  try {
    const written = await stepActivities(limits.report, { scheduleToCloseTimeout }).writeReport({
      registeredModel,
      version: version.version,
      champion,
      dataset,
      model,
      params,
      search: {
        trials,
        metric: scoreName(trialScore(metric || plan.metric, dataset.task)),
        direction,
        space: space ?? null,
      },
      lineage: {
        workflowId,
        workflowUrl: pageOf(links.temporalUi, workflowId),
        trigger,
        startedAt: startTime.toISOString(),
        data,
        seed,
      },
      driftReport,
      outcome,
    });
    report({ event: 'linked', link: { kind: 'modelReport', url: written.url } });
    return written;
  } catch (error) {
    if (!isCancellation(error)) {
      const code = outcome ? 'reportOutcomeMissing' : 'reportNotWritten';
      report({ event: 'remarked', remark: { code, cause: rootMessage(error) } });
    }
    return null;
  }
}
