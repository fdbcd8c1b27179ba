import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { type Config, forModel } from '../config.ts';
import type { Decision } from '../contracts/approval.ts';
import { failure } from '../contracts/errors.ts';
import { judgeDecision } from '../domain/approval.ts';
import { senderOf, starterOf } from '../systems/callers.ts';
import { isSigned } from '../systems/decisionSignature.ts';
import { decisionRefusalText } from '../words/approval.ts';
import type { Audit, Audited } from './lib/audited.ts';

interface Admission {
  registeredModel: string;
  version: string;
  /** Who asked for the promotion, as claimed; null: nobody said. */
  requester: string | null;
  decision: Decision;
  updateId: string;
}

export function createDecisionActivities({ config, client, audit }: { config: Config; client: Client; audit: Audit }) {
  return {
    /**
     * Lets a decision count, or refuses it, and writes that down. The settings of now say who may decide, not those that the
     * promotion began with: an approver who was removed decides nothing more.
     */
    async admitDecision({ registeredModel, version, requester, decision, updateId }: Admission): Promise<void> {
      const { workflowId = '', runId = '' } = Context.current().info.workflowExecution ?? {};
      const { approval: settings } = forModel(config, registeredModel);
      const key = Object.hasOwn(settings.approvers, decision.by) && settings.approvers[decision.by];
      const [starter, decider] = await Promise.all([
        starterOf(client, { workflowId, runId }),
        senderOf(client, { workflowId, runId }, updateId),
      ]);
      const about = { workflowId, registeredModel, version };
      const isSignature = key ? isSigned(key, about, decision) : null;
      const refusal = judgeDecision({
        settings,
        decision,
        isSignature,
        requester,
        starter,
        decider,
        now: Date.now(),
      });
      const { by, reason } = decision;
      const event = { registeredModel, version, name: updateId, by, signed: isSignature === true, decider };
      if (refusal === null) {
        await audit({ ...event, event: decision.decision === 'approve' ? 'approved' : 'rejected', reason });
        return;
      }
      const why = decisionRefusalText(refusal);
      await audit({ ...event, event: 'decisionRefused', reason: why });
      throw failure('MessageRefused', why);
    },

    /** Writes down what a workflow did or decided. */
    async audit(event: Audited) {
      return await audit(event);
    },
  };
}
