import type { News } from '../contracts/notifications.ts';
import type { PendingDecision, Progress } from '../contracts/progress.ts';
import type { Promotion } from '../contracts/registry.ts';
import type { DriftCheckResult, PromoteResult, RetrainResult, RollbackResult } from '../contracts/workflows.ts';
import { firstScore } from '../domain/firstScore.ts';
import { capitalised, scoreText } from './numbers.ts';
import { driftVerdictText, verdictText } from './verdicts.ts';

/** What people are notified of: the wording, in one place. */
export const news = {
  /** A retrain is news, and so is what became of the promotion in it. */
  retrainFinished({ version, promotion, deployment }: RetrainResult, { links }: Progress): News[] {
    const { registeredModel, metrics } = version;
    const became = promotion
      ? promotion.promoted
        ? `is in ${promotion.registryStage}`
        : 'was not promoted'
      : 'was registered';
    const known = firstScore(metrics);
    const report = links.find(({ kind }) => kind === 'modelReport')?.url;
    const finished: News = {
      event: 'retrainFinished',
      severity: 'info',
      title: `A retrain of ${registeredModel} made version ${version.version}, which ${became}`,
      text: lines(
        known && `${capitalised(scoreText(known))}.`,
        promotion && verdictText(promotion.verdict, promotion.forced),
        answers(deployment),
      ),
      links: reportLinks(report),
    };
    return promotion ? [finished, news.promotionEnded({ promotion, deployment })] : [finished];
  },

  retrainFailed: (registeredModel: string, why: string): News => ({
    event: 'retrainFailed',
    severity: 'warning',
    title: `A retrain of ${registeredModel} failed`,
    text: why,
  }),

  promotionEnded: ({ promotion, deployment }: Pick<PromoteResult, 'promotion' | 'deployment'>): News =>
    promotion.promoted ? promoted(promotion, deployment) : refused(promotion),

  /** @param why message of the failure: who rejected it and for what reason, or that nobody decided */
  approvalRejected: (registeredModel: string, why: string): News => ({
    event: 'promotionRefused',
    severity: 'warning',
    title: `A version of ${registeredModel} was not promoted`,
    text: why,
  }),

  approvalNeeded({
    registeredModel,
    version,
    verdict,
    until,
    reportUrl,
    workflowId,
  }: PendingDecision & { reportUrl: string | null; workflowId: string }): News {
    return {
      event: 'approvalNeeded',
      severity: 'warning',
      title: `Version ${version} of ${registeredModel} waits for your approval`,
      text: lines(
        verdictText(verdict),
        `Until ${new Date(until).toISOString()}: mediwatch approve ${workflowId}`,
        `or: mediwatch reject ${workflowId} --reason "why"`,
      ),
      links: reportLinks(reportUrl),
    };
  },

  rolledBack: ({ registeredModel, version, left, by, reason, deployment }: RollbackResult): News => ({
    event: 'rolledBack',
    severity: 'warning',
    title: `${registeredModel} was rolled back to version ${version}`,
    text: lines(
      `By ${by ?? 'unknown'}: ${reason ?? 'no reason was given'}`,
      left !== null && `Version ${left} was left.`,
      answers(deployment),
    ),
  }),

  deploymentFailed: (registeredModel: string, why: string): News => ({
    event: 'deploymentFailed',
    severity: 'critical',
    title: `A version of ${registeredModel} could not be deployed`,
    text: why,
  }),

  /** A deployment that failed after its version had come to Production. */
  takenBack: (registeredModel: string, why: string): News =>
    news.deploymentFailed(registeredModel, `${why} The registry was put back as it was.`),

  driftDetected(result: DriftCheckResult): News {
    const { registeredModel, report, alerted } = result;
    const next = alerted
      ? 'Its steward has the alert; it retrains unless it is paused or cools down.'
      : 'No alert was raised, as asked.';
    return {
      event: 'driftDetected',
      severity: 'warning',
      title: `The data of ${registeredModel} have drifted`,
      text: `${capitalised(driftVerdictText(result))}.\n\n${next}`,
      links: report.url ? [{ name: 'Drift report', url: report.url }] : [],
    };
  },

  /** @param why what the last check says */
  driftUnknown: (registeredModel: string, outcome: 'skipped' | 'failed', why: string): News => ({
    event: 'driftUnknown',
    severity: 'warning',
    title:
      outcome === 'failed'
        ? `A drift check of ${registeredModel} failed`
        : `The drift checks of ${registeredModel} are skipped, three or more in a row`,
    text: lines(
      outcome === 'failed' ? why : `The last one: ${why}`,
      'Until a check judges again, nobody learns of drift.',
      `This is said again ${outcome === 'failed' ? 'tomorrow' : 'next month'} if it goes on. See mediwatch drift check.`,
    ),
  }),
};

function promoted(promotion: Promotion, deployment: PromoteResult['deployment']): News {
  const { registeredModel, version, registryStage, champion, verdict, forced, approvedBy, reportUrl } = promotion;
  return {
    event: 'promoted',
    severity: 'info',
    title: `Version ${version} of ${registeredModel} is in ${registryStage}`,
    text: lines(
      verdictText(verdict, forced),
      registryStage === 'Production' && champion !== null && `It replaces version ${champion}.`,
      approvedBy && `Approved by ${approvedBy}.`,
      answers(deployment),
    ),
    links: reportLinks(reportUrl),
  };
}

const refused = ({ registeredModel, version, verdict, forced }: Promotion): News => ({
  event: 'promotionRefused',
  severity: 'warning',
  title: `Version ${version} of ${registeredModel} was not promoted`,
  text: verdictText(verdict, forced),
});

const reportLinks = (url: string | null | undefined) => (url ? [{ name: 'Model report', url }] : []);

const answers = (deployment: PromoteResult['deployment']) => deployment && `It answers at ${deployment.url}.`;

const lines = (...parts: Array<string | false | null | undefined>) => parts.filter(Boolean).join('\n');
