import { failure } from '../contracts/errors.ts';
import type { News } from '../contracts/notifications.ts';
import type { PlanOf } from '../contracts/workflows.ts';
import { alertOf, type EndedCheck, isNewsOfSilence, judgeDrift, SILENT_CHECKS } from '../domain/driftGate.ts';
import { news } from '../words/news.ts';
import { capitalised } from '../words/numbers.ts';
import { driftVerdictText } from '../words/verdicts.ts';
import { activities, stepActivities } from './runtime/activities.ts';
import { workflow } from './runtime/workflow.ts';

/**
 * Reports on drift in the prediction log and judges the report. On drift the steward of the model gets an alert, and
 * retrains once for all its alerts. The same rows make the same alert, however often they are checked.
 *
 * @throws ApplicationFailure of type DriftUndecided when the report lacks what the gate asks for
 */
export const driftCheck = workflow(
  'driftCheck',
  {
    mlflowRun: { purpose: 'drift-check' },
    notices: {
      completed(result, _progress, plan) {
        if (result.verdict === 'drift') return [news.driftDetected(result)];
        return result.verdict === 'skipped'
          ? silence(plan, 'skipped', `${capitalised(driftVerdictText(result))}.`)
          : [];
      },
      failed: ({ message }, plan) => silence(plan, 'failed', message),
    },
  },
  async (plan, run) => {
    const { registeredModel, log, reference, minRows, gate, limits } = plan;
    run.report({ event: 'waits', waiting: { for: 'driftReport', log } });
    const report = await stepActivities(limits.monitor).makeDriftReport({
      registeredModel,
      log,
      reference,
      minRows,
      runId: run.mlflowRunId,
    });
    const { url, document } = report;
    if (url) run.report({ event: 'linked', link: { kind: 'driftReport', url } });
    run.report({ event: 'learned', facts: { driftShare: document.share } });

    const verdict = judgeDrift(document, gate, minRows);
    const reason = driftVerdictText(verdict);
    if (verdict.verdict === 'cannot tell') throw failure('DriftUndecided', `${capitalised(reason)}.`);

    const alerted = verdict.verdict === 'drift' && plan.alert;
    if (alerted) {
      run.report({ event: 'waits', waiting: { for: 'steward', registeredModel } });
      const alert = alertOf(document, { source: 'driftCheck', reason, report: url ?? undefined });
      await activities.raiseAlert({ registeredModel, alert });
      run.report({ event: 'learned', facts: { alerted } });
    }
    return { ...verdict, registeredModel, report, alerted };
  },
);

/** What people are notified of when a check judges nothing; never throws. */
async function silence(
  { registeredModel, notifies }: PlanOf<'driftCheck'>,
  outcome: 'skipped' | 'failed',
  why: string,
): Promise<News[]> {
  if (!notifies) return [];
  const earlier = await activities
    .earlierChecks({ registeredModel, count: SILENT_CHECKS })
    .catch((): EndedCheck[] => []);
  const isNews = isNewsOfSilence({ outcome, at: Date.now() }, earlier);
  return isNews ? [news.driftUnknown(registeredModel, outcome, why)] : [];
}
