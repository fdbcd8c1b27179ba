import { WorkflowNotFoundError } from '@temporalio/client';
import { forModel } from '../../config.ts';
import { workflowIds } from '../../contracts/names.ts';
import {
  pauseSteward,
  resumeSteward,
  retrainNow,
  type Steering,
  StewardState,
  stewardQuery,
} from '../../contracts/steward.ts';
import { stewardStart } from '../../systems/alerts.ts';
import { temporalLink } from '../../words/links.ts';
import { counted, duration, utcMinute } from '../../words/numbers.ts';
import { endingText } from '../../words/results.ts';
import { pauseReason } from '../../words/stewardDetails.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { configOf } from '../flags.ts';
import { goesOn } from '../follow/target.ts';
import { changeOf, confirmChange } from '../production.ts';
import { type Session, sendUpdate, withSession } from '../session.ts';

/** What is known of the steward of a model. */
export interface StewardAnswer {
  workflowId: string;
  /** `none`: no alert has come yet; `ended`: somebody stopped it, and the next alert starts it again. */
  exists: 'running' | 'ended' | 'none';
  /** Null when it does not run, or when no worker is there to answer. */
  state: StewardState | null;
}

/** A worker answers in milliseconds (ms). */
const LIMIT_MS = 3_000;

/** Asks the steward of a model what it is doing. */
export async function askSteward({ client }: Session, registeredModel: string): Promise<StewardAnswer> {
  const workflowId = workflowIds.steward(registeredModel);
  const handle = client.workflow.getHandle(workflowId);
  try {
    if (!goesOn(await handle.describe())) return { workflowId, exists: 'ended', state: null };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return { workflowId, exists: 'none', state: null };
  }
  try {
    const answer = await client.withDeadline(Date.now() + LIMIT_MS, () => handle.query(stewardQuery));
    return { workflowId, exists: 'running', state: StewardState.parse(answer) };
  } catch {
    // Whether Temporal is there was seen a moment ago: it is the worker that does not answer.
    return { workflowId, exists: 'running', state: null };
  }
}

export async function showSteward(cli: Cli, named: string | undefined): Promise<void> {
  const { registeredModel } = configOf(cli, named).registry;
  await withSession(cli, async (session) => {
    const answer = await askSteward(session, registeredModel);
    const { url } = temporalLink(session.config, answer.workflowId);
    const [head, ...lines] = stewardLines(answer, Date.now());
    cli.emit({ registeredModel, ...answer, url });
    cli.say(`${cli.style('bold', `Steward of ${registeredModel}`)}: ${head}`);
    for (const line of lines) cli.say(line);
    if (answer.exists !== 'none') cli.say(`  ${url}`);
  });
}

interface Steered {
  done: boolean;
  text: string;
}

type Act = (session: Session, registeredModel: string, steering: Steering) => Promise<Steered>;

/** What can be done with a steward, by the name of its command. */
const ACTS: Record<'pause' | 'resume' | 'retrain-now', Act> = {
  /** One that no alert has started yet is started, so that it is paused when one comes. */
  async pause({ client }, registeredModel, steering) {
    const start = stewardStart(registeredModel);
    await client.workflow.signalWithStart('driftSteward', { ...start, signal: pauseSteward, signalArgs: [steering] });
    return { done: true, text: `The steward of ${registeredModel} is paused. "mediwatch steward resume" goes on.` };
  },
  async resume({ client }, registeredModel, steering) {
    try {
      await client.workflow.getHandle(workflowIds.steward(registeredModel)).signal(resumeSteward, steering);
      return { done: true, text: `The steward of ${registeredModel} goes on.` };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      return { done: false, text: `${registeredModel} has no steward that is paused.` };
    }
  },
  async 'retrain-now'(session, registeredModel, steering) {
    const answer = await sendUpdate(session, workflowIds.steward(registeredModel), retrainNow, steering, {
      refused,
      absent: absent(registeredModel),
      unanswered: (seconds) => `No worker took it within ${seconds} s. It may yet: see "mediwatch steward".`,
    });
    const asked = `as ${steering.by} asked${because(steering.reason)}`;
    if (answer.workflowId !== null) return { done: true, text: `Started ${answer.workflowId}, ${asked}.` };
    const waits = answer.startsAfter && `The retrain starts when ${answer.startsAfter} has ended, ${asked}.`;
    return { done: true, text: waits ?? 'The retrain could not be started.' };
  },
};

interface Steer extends Steering {
  act: keyof typeof ACTS;
  registeredModel: string | undefined;
  /** Without asking. */
  yes: boolean;
  dryRun: boolean;
}

/**
 * Steers the steward of a model; asks before it starts what may change Production.
 *
 * @throws {CommandError} when it refuses, there is none, or no worker takes it
 */
export async function steer(cli: Cli, { act, yes, dryRun, by, reason, ...named }: Steer): Promise<void> {
  const own = configOf(cli, named.registeredModel);
  const { registeredModel } = own.registry;
  const steering = { by, reason };
  await withSession(cli, async (session) => {
    if (act === 'retrain-now' && !dryRun) {
      await confirmChange(cli, own, changeOf('retrain', own.steward.retrain, own), yes);
    }
    const { done, text } = await (dryRun ? rehearse : ACTS[act])(session, registeredModel, steering);
    const workflowId = workflowIds.steward(registeredModel);
    const { url } = temporalLink(session.config, workflowId);
    const document = { done, registeredModel, ...steering, message: text, workflowId, url };
    cli.emit({ event: act, ...(dryRun && { dryRun }), ...document });
    cli.say(text);
  });
}

/**
 * What the steward of a model would answer if it were asked to retrain now.
 *
 * @throws {CommandError} when it would refuse, there is none, or no worker answers
 */
async function rehearse(session: Session, registeredModel: string): Promise<Steered> {
  const { exists, state } = await askSteward(session, registeredModel);
  const failed = (message: string) => new CommandError(EXIT.failed, message);
  if (exists !== 'running') throw failed(absent(registeredModel));
  if (!state) throw failed('No worker answers for the steward: start one with "npm run worker".');
  if (state.current) throw failed(refused(`${state.current.workflowId} is under way.`));
  const pending = state.pending ? `, which answers ${counted(state.pending.count, 'pending alert')}` : '';
  const { retrain } = forModel(session.config, registeredModel).steward;
  const given = Object.entries(retrain).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const settings =
    given.length > 0 ? ` with ${given.join(', ')} (steward.retrain)` : ' with the settings of mediwatch.yaml';
  const would = `The steward would start a retrain of ${registeredModel}${settings}${pending}.`;
  return { done: false, text: `Dry run, nothing was started. ${would}` };
}

const refused = (why: string) => `The steward starts no retrain now: ${why}`;
const absent = (registeredModel: string) =>
  `${registeredModel} has no steward yet. Retrain with "mediwatch retrain --follow"; the first alert starts the steward.`;

/** What a steward does, in a line: for the status and the head of its own command. */
export function stewardLine({ exists, state }: StewardAnswer, now: number): string {
  if (exists === 'none') return 'no alert has come yet; the first one starts it';
  if (exists === 'ended') return 'was stopped; the next alert starts it again';
  if (!state) return 'runs, but no worker answers: start one with "npm run worker"';
  const { pending } = state;
  const waiting = pending ? `; ${alerts(pending.count)} pending` : '';
  return `${phaseText(state, now)}${waiting}`;
}

/** All that a steward says of itself, in lines for a reader. */
function stewardLines(answer: StewardAnswer, now: number): string[] {
  const { state } = answer;
  const head = stewardLine(answer, now);
  if (!state) return [head];
  const { duplicates, retrains, failures, pending, last, paused, phase } = state;
  return [
    head,
    `  Alerts      ${state.counted} received, ${duplicates} more that were known already`,
    ...(pending
      ? [
          `  Pending     ${alerts(pending.count)} since ${utcMinute(pending.firstAt)}; the latest: ${pendingText(pending)}`,
        ]
      : []),
    `  Retrains    ${retrains} started${failures > 0 ? `; the last ${failures} failed` : ''}`,
    ...(last ? [`  Last        ${last.workflowId}, ${utcMinute(last.endedAt)}: ${endingText(last.ending)}`] : []),
    ...(paused && phase !== 'paused' ? [`  Paused      by ${paused.by ?? 'itself'}${because(pauseText(state))}`] : []),
  ];
}

function phaseText(state: StewardState, now: number): string {
  const { phase, until, paused, current } = state;
  const left = until === null ? '' : `, for ${duration(until - now)} more`;
  switch (phase) {
    case 'idle':
      return 'idle: the next alert starts a retrain';
    case 'waiting':
      return 'waits for the end of a retrain that somebody else started';
    case 'retraining':
      return `retrains${current ? ` for ${alerts(current.alerts)}: ${current.workflowId}` : ''}`;
    case 'cooling':
      return `cools down after a retrain${left}`;
    case 'backingOff':
      return `waits after a failed retrain${left}`;
    case 'paused':
      return `paused by ${paused?.by ?? 'itself'}${because(pauseText(state))}; "mediwatch steward resume" goes on`;
  }
}

const pauseText = ({ paused, failures, last }: StewardState) =>
  pauseReason({ paused, failures, ended: last ? [last] : [] });

function pendingText({ latest }: NonNullable<StewardState['pending']>): string {
  return `${latest.reason || 'no reason given'} (${latest.source})${latest.report ? ` ${latest.report}` : ''}`;
}

const alerts = (count: number) => counted(count, 'alert');

function because(reason: string): string {
  return reason.trim() ? `: ${reason.trim()}` : '';
}
