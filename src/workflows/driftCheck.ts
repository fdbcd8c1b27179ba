import type { DriftReport, DriftVerdict } from '../contracts/drift.ts';
import { failure } from '../contracts/errors.ts';
import type { News } from '../contracts/notifications.ts';
import type { DriftCheckResult } from '../contracts/workflows.ts';
import { judgeDrift } from '../domain/driftGate.ts';
import { alertOf } from '../domain/reportedDrift.ts';
import { capitalised } from '../words/letters.ts';
import { stepActivities, stewards } from './lib/activities.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { tell } from './lib/notify.ts';
import { withRun } from './lib/runs.ts';

/**
 * Reports on drift in the prediction log and judges the report. On drift the steward of the model is told, which
 * retrains once for all that it is told of. The same rows make the same alert, however often they are checked.
 *
 * @throws ApplicationFailure of type DriftUndecided when the report does not say what the gate asks for
 */
export async function driftCheck(input?: unknown): Promise<DriftCheckResult> {
  return conduct('driftCheck', input, { stages: [], body, describe: describeCheck });
}

async function body({ request, plan, board }: Job<'driftCheck'>): Promise<DriftCheckResult> {
  const { registeredModel, monitoring } = plan;
  return withRun(board, plan, { purpose: 'drift-check' }, async (runId) => {
    board.waitFor(`the drift report of ${monitoring.log || 'the prediction log'}.`);
    const report = await stepActivities(plan, 'monitor').makeDriftReport({ registeredModel, monitoring, runId });
    const { url, document } = report;
    if (url) board.link('Drift report', url);
    board.attributes({ driftShare: document.share });
    const verdict = judgeDrift(document, monitoring.gate, monitoring.minRows);
    if (verdict.verdict === 'cannot tell') throw failure('DriftUndecided', `${capitalised(verdict.reason)}.`);
    const alerted = verdict.verdict === 'drift' && request.alert !== false;
    if (alerted) {
      board.waitFor(`the steward of ${registeredModel} to take the alert. ${capitalised(verdict.reason)}.`);
      await stewards.raiseAlert({
        registeredModel,
        alert: alertOf(document, verdict, { source: 'driftCheck', report: url ?? undefined }),
      });
      board.learn({ alerted: true });
    }
    if (verdict.verdict === 'drift') {
      await tell(plan, newsOf(registeredModel, report, verdict, alerted));
    }
    board.waitFor(null);
    return { ...verdict, registeredModel, report, alerted };
  });
}

function newsOf(registeredModel: string, { url }: DriftReport, { reason }: DriftVerdict, alerted: boolean): News {
  const next = alerted ? 'Its steward was told, and retrains.' : 'No alert was raised, as was asked for.';
  return {
    event: 'driftDetected',
    severity: 'warning',
    title: `The data of ${registeredModel} have drifted`,
    text: `${capitalised(reason)}.\n\n${next}`,
    links: url ? [{ name: 'Drift report', url }] : [],
  };
}

function describeCheck({ reason, columns, alerted, registeredModel, verdict }: DriftCheckResult): string {
  const drifted = columns.length > 0 ? ` Columns that drifted: ${columns.join(', ')}.` : '';
  const told = `The steward of ${registeredModel} was told, and retrains.`;
  const next = alerted ? told : verdict === 'drift' ? 'No alert was raised, as was asked for.' : 'No alert was raised.';
  return `${capitalised(reason)}.${drifted} ${next}`;
}
