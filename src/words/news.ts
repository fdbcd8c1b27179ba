import type { News } from '../contracts/notifications.ts';
import type { Promotion } from '../contracts/registry.ts';
import type { PromoteResult, RetrainResult, RollbackResult } from '../contracts/workflows.ts';

/** What people are told of runs that end, and of decisions that are waited for: the wording, in one place. */
export const news = {
  /** @param reportUrl page about the version; null: there is none */
  retrainFinished({ version, promotion, deployment }: RetrainResult, reportUrl: string | null = null): News {
    const { registeredModel, metrics } = version;
    const brought = promotion?.promoted
      ? `is in ${promotion.stage}`
      : promotion
        ? 'was not promoted'
        : 'was registered';
    return {
      event: 'retrainFinished',
      severity: 'info',
      title: `A retrain of ${registeredModel} made version ${version.version}, which ${brought}`,
      text: lines(
        typeof metrics.test_auc === 'number' && `Test AUC ${metrics.test_auc.toFixed(4)}.`,
        promotion?.reason,
        answers(deployment),
      ),
      links: reportLinks(reportUrl),
    };
  },

  retrainFailed: (registeredModel: string, why: string): News => ({
    event: 'retrainFailed',
    severity: 'warning',
    title: `A retrain of ${registeredModel} failed`,
    text: why,
  }),

  promotionEnded: ({ promotion, deployment }: PromoteResult): News =>
    promotion.promoted ? promoted(promotion, deployment) : news.promotionRefused(promotion.registeredModel, promotion),

  promotionRefused: (
    registeredModel: string,
    { version, reason }: { version: string | null; reason: string },
  ): News => ({
    event: 'promotionRefused',
    severity: 'warning',
    title: `${version === null ? 'A version' : `Version ${version}`} of ${registeredModel} was not promoted`,
    text: reason,
  }),

  /** @param expiresAt Unix time (ms) */
  approvalNeeded(
    { registeredModel, version, reason, reportUrl }: Question,
    workflowId: string,
    expiresAt: number,
  ): News {
    return {
      event: 'approvalNeeded',
      severity: 'warning',
      title: `Version ${version} of ${registeredModel} waits for your approval`,
      text: lines(
        reason,
        `Until ${new Date(expiresAt).toISOString()}: mediwatch approve ${workflowId}`,
        `or: mediwatch reject ${workflowId} --reason "why"`,
      ),
      links: reportLinks(reportUrl),
    };
  },

  rolledBack: ({ registeredModel, version, left, deployment }: RollbackResult, by: string, reason: string): News => ({
    event: 'rolledBack',
    severity: 'warning',
    title: `${registeredModel} was rolled back to version ${version}`,
    text: lines(`By ${by}: ${reason}`, left !== null && `Version ${left} was left.`, answers(deployment)),
  }),

  deploymentFailed: (registeredModel: string, why: string): News => ({
    event: 'deploymentFailed',
    severity: 'critical',
    title: `A version of ${registeredModel} could not be deployed`,
    text: why,
  }),
};

interface Question {
  registeredModel: string;
  version: string;
  reason: string;
  /** Page about the version, if one is known. */
  reportUrl?: string | null | undefined;
}

function promoted(promotion: Promotion, deployment: PromoteResult['deployment']): News {
  const { registeredModel, version, stage, champion, reason, approvedBy, reportUrl } = promotion;
  return {
    event: 'promoted',
    severity: 'info',
    title: `Version ${version} of ${registeredModel} is in ${stage}`,
    text: lines(
      reason,
      stage === 'Production' && champion !== null && `It replaces version ${champion}.`,
      approvedBy && `Approved by ${approvedBy}.`,
      answers(deployment),
    ),
    links: reportLinks(reportUrl),
  };
}

const reportLinks = (url: string | null | undefined) => (url ? [{ name: 'Report', url }] : []);

const answers = (deployment: PromoteResult['deployment']) => deployment && `It answers at ${deployment.url}.`;

const lines = (...parts: Array<string | false | null | undefined>) => parts.filter(Boolean).join('\n');
