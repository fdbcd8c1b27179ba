import { readFile } from 'node:fs/promises';
import { type WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { type Decided, type Decision, decidePromotion } from '../contracts/approval.ts';
import { causeText } from '../contracts/errors.ts';
import { workflowIds } from '../contracts/names.ts';
import type { PendingDecision } from '../contracts/progress.ts';
import { signDecision } from '../systems/decisionSignature.ts';
import { temporalLink } from '../words/links.ts';
import { utcMinute } from '../words/numbers.ts';
import { waitingText } from '../words/results.ts';
import { verdictText } from '../words/verdicts.ts';
import { type Cli, user } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { failureOf } from './follow/ending.ts';
import { follow } from './follow/follow.ts';
import { describe, goesOn, statusText, targetOf } from './follow/target.ts';
import { askProgress } from './follow/watch.ts';
import { confirm } from './production.ts';
import { type Session, sendUpdate, withSession } from './session.ts';
import { linkLines } from './views/text.ts';

export interface DecisionFlags {
  by?: string;
  reason?: string;
  /** File with the private key that signs. */
  key?: string;
  /** Stays until the workflow of this id has ended. */
  follow?: boolean;
  /** Without asking. */
  yes?: boolean;
  /** Only says what would be decided. */
  dryRun?: boolean;
}

interface Wanted extends DecisionFlags {
  /** Of a promotion, or of the retrain that started it. */
  id: string;
  decision: Decision['decision'];
}

/**
 * Shows what is to be decided, asks for confirmation on a terminal, and sends the decision.
 *
 * @throws {CommandError} when nothing waits there, it was decided already or about another version, or nobody confirmed
 */
export async function decide(cli: Cli, wanted: Wanted): Promise<void> {
  const { id, decision, by = user(), reason = '', yes = false, dryRun } = wanted;
  await withSession(cli, async (session) => {
    const question = await questionOf(session, id);
    const { workflowId, report } = question;
    const { registeredModel, version, verdict, until } = question.decision;
    const evidence = verdictText(verdict);
    const page = temporalLink(session.config, workflowId);
    const document = { event: 'decided', decision, by, reason, version, workflowId, url: page.url };
    cli.say(
      `${workflowId} waits for a decision about version ${version} of ${registeredModel}, until ${utcMinute(until)}.`,
    );
    cli.say(evidence);
    for (const line of linkLines([page, ...(report ? [{ name: 'Model report', url: report }] : [])])) cli.say(line);
    if (dryRun) {
      cli.emit({ ...document, dryRun, registeredModel, verdict, evidence, report });
      cli.say(`Dry run, nothing was decided. Version ${version} would be ${PAST[decision]} as ${by}.`);
      return;
    }
    const verb = decision === 'approve' ? 'Approve' : 'Reject';
    const text = `${verb} version ${version} as ${by}?`;
    await confirm(cli, { text, declined: 'Nothing was decided; it waits on.', yes });
    const unsigned = { decision, by, reason, version };
    const about = { workflowId, registeredModel, version };
    const answer = await send(session, workflowId, wanted.key ? await signed(wanted.key, about, unsigned) : unsigned);
    cli.emit(document);
    cli.say(`Version ${answer.version} of ${answer.registeredModel}: ${PAST[answer.decision]}.`);
    if (wanted.follow) await follow(cli, session, targetOf(await describe(session, id)));
    else cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
  });
}

async function signed(file: string, about: Parameters<typeof signDecision>[1], unsigned: Decision): Promise<Decision> {
  const decision = { ...unsigned, at: new Date().toISOString() };
  try {
    return { ...decision, signature: signDecision(await readFile(file, 'utf8'), about, decision) };
  } catch (error) {
    const why = `${file} holds no private Ed25519 key that can be read (${causeText(error)}). Nothing was decided.`;
    throw new CommandError(EXIT.usage, why);
  }
}

const PAST = { approve: 'approved', reject: 'rejected' } as const;

function send(session: Session, workflowId: string, decision: Decision): Promise<Decided> {
  const notTaken = (why: string) => `The decision was not taken: ${why}`;
  return sendUpdate(session, workflowId, decidePromotion, decision, {
    refused: notTaken,
    absent: notTaken(`${workflowId} ended meanwhile; "mediwatch status ${workflowId}" tells how.`),
    unanswered: (seconds) =>
      notTaken(`no worker took it within ${seconds} s; it may yet. See "mediwatch status ${workflowId}".`),
  });
}

/** A promotion that waits for a person. */
interface Question {
  /** The promotion itself, also when its retrain was named. */
  workflowId: string;
  decision: PendingDecision;
  /** Report of the retrain that made the version; null: there is none. */
  report: string | null;
}

/**
 * Finds what is to be decided in a promotion, or in the promotion of a retrain.
 *
 * @throws {CommandError} when nothing waits there: not yet, not any more, or never
 */
async function questionOf(session: Session, id: string): Promise<Question> {
  const promotion = await promotionOf(session, id);
  const { workflowId } = promotion;
  if (!goesOn(promotion)) throw await ended(session, promotion);
  const answer = await askProgress(session, workflowId);
  if ('silent' in answer) {
    const message = `Nothing was decided: no worker answers for ${workflowId}. Start one, and try again.`;
    throw new CommandError(EXIT.failed, message);
  }
  const progress = 'progress' in answer ? answer.progress : null;
  if (progress?.waiting?.for === 'decision') {
    const report = progress.links.find(({ kind }) => kind === 'modelReport')?.url ?? null;
    return { workflowId, decision: progress.waiting, report };
  }
  const waits = progress?.waiting
    ? `It waits for ${waitingText(progress.waiting)}`
    : `"mediwatch follow ${workflowId}" shows where it stands.`;
  throw new CommandError(EXIT.failed, `Nothing in ${workflowId} waits for a decision now. ${waits}`);
}

async function promotionOf(session: Session, id: string): Promise<WorkflowExecutionDescription> {
  const named = await describe(session, id);
  if (named.type === 'promote') return named;
  if (named.type !== 'retrain') {
    const message = `${id} is a ${named.type} workflow: only promotions, and the retrains that start them, are decided.`;
    throw new CommandError(EXIT.usage, message);
  }
  try {
    return await describe(session, workflowIds.stage(id, 'promote'));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const running = named.status.name === 'RUNNING';
    const message = `${id} ${running ? 'has not come to its promotion yet' : 'ended without a promotion'}: nothing waits for a decision.`;
    throw new CommandError(EXIT.failed, message, { cause: error });
  }
}

/** How the promotion ended: decided by somebody, expired, or something else. */
async function ended({ client }: Session, promotion: WorkflowExecutionDescription): Promise<CommandError> {
  const { workflowId } = promotion;
  const how = await client.workflow
    .getHandle(workflowId)
    .result()
    .then(
      () => '',
      (error: unknown) => {
        if (!(error instanceof WorkflowFailedError)) throw error;
        return `: ${failureOf(error, 'promote').message}`;
      },
    );
  return new CommandError(
    EXIT.failed,
    `Nothing waits for a decision: ${workflowId} has ended (${statusText(promotion)})${how}`,
  );
}
