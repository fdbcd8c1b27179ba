import {
  allHandlersFinished,
  ContinueAsNew,
  condition,
  continueAsNew,
  isCancellation,
  setCurrentDetails,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import { workflowIds } from '../contracts/names.ts';
import type { DriftStewardPlan } from '../contracts/plans.ts';
import { shorten } from '../contracts/text.ts';
import { type InputOf, WORKFLOWS } from '../contracts/workflows.ts';
import {
  begun,
  createSteward,
  decide,
  type Ending,
  ended,
  hasFailed,
  othersEnded,
  type Retrain,
  type Steward,
  started,
  undeclared,
  waiting,
} from '../domain/steward.ts';
import {
  farewellMarkdown,
  handedOverMarkdown,
  occasion,
  pausedNotice,
  restText,
  stewardNotices,
} from '../words/stewardDetails.ts';
import { activities } from './runtime/activities.ts';
import { applicationFailure, rootMessage } from './runtime/failures.ts';
import { handedOn, parseInput } from './runtime/input.ts';
import { notify } from './runtime/notices.ts';
import { upsertAttributes } from './runtime/progress.ts';
import { type Desk, openDesk } from './runtime/stewardDesk.ts';

/**
 * The steward of one registered model: takes its drift alerts, starts one retrain for all that are pending, cools down,
 * and then decides on what came meanwhile. A failed retrain backs off; too many in a row pause it, and so do settings that
 * no longer declare its model. It never ends.
 *
 * @param known what continue-as-new hands on: all that the steward knows
 */
export async function driftSteward(input?: unknown, known?: Steward): Promise<null> {
  const request = parseInput('driftSteward', input);
  const desk = openDesk(handedOn(known) ?? createSteward(request.registeredModel ?? ''));
  // One that begins needs a declared model; one that goes on keeps its alerts until the model is declared again.
  const plan = handedOn(known) ? await settingsOf(desk, request) : await planOf(request);
  const { registeredModel } = plan;
  desk.linkTo(plan.links.temporalUi);
  desk.change((steward) => ({ ...steward, registeredModel }));
  if (plan.searchable) upsertAttributes({ model: registeredModel });
  if (workflowInfo().workflowId !== workflowIds.steward(registeredModel)) return handOver(desk, registeredModel);
  try {
    return await serve(desk, { registeredModel }, plan);
  } catch (error) {
    if (!(error instanceof ContinueAsNew))
      setCurrentDetails(farewellMarkdown(desk.steward, isCancellation(error) ? null : rootMessage(error)));
    throw error;
  }
}

async function planOf(input: InputOf<'driftSteward'>): Promise<DriftStewardPlan> {
  return WORKFLOWS.driftSteward.plan.parse(await activities.resolveStewardPlan({ workflow: 'driftSteward', input }));
}

/** The settings of the steward. While they do not declare its model it is paused, and asks again once it is resumed. */
async function settingsOf(
  desk: Desk,
  request: InputOf<'driftSteward'>,
  before?: DriftStewardPlan,
): Promise<DriftStewardPlan> {
  for (;;) {
    try {
      return await planOf(request);
    } catch (error) {
      if (applicationFailure(error)?.type !== 'ModelUndeclared') throw error;
    }
    desk.change((steward) => undeclared(steward, Date.now()));
    if (before) void notify(before, pausedNotice(desk.steward));
    await condition(() => desk.steward.paused === null || desk.steward.asked !== null || isLong());
    if (isLong()) await continueAsNew<typeof driftSteward>(request, desk.steward);
  }
}

async function serve(desk: Desk, request: InputOf<'driftSteward'>, plan: DriftStewardPlan): Promise<never> {
  let settings = plan;
  for (;;) {
    const { current, waitingFor } = desk.steward;
    if (current) await follow(desk, current, settings);
    else if (waitingFor !== null) await followOthers(desk, waitingFor, settings);
    else if (decide(desk.steward, Date.now()).kind === 'wait') await rest(desk);
    else {
      // A changed mediwatch.yaml takes effect with the next retrain.
      settings = await settingsOf(desk, request, settings);
      await choose(desk);
    }
    if (isLong()) await continueAsNew<typeof driftSteward>(request, desk.steward);
  }
}

/** Decides on a retrain of our own, or on waiting for one that runs already. */
async function choose(desk: Desk): Promise<void> {
  const { registeredModel } = desk.steward;
  const other = await activities.findRetrain({ registeredModel });
  const now = Date.now();
  // Somebody may have paused it meanwhile.
  if (decide(desk.steward, now).kind === 'wait') return;
  if (other) desk.change((steward) => waiting(steward, other.workflowId));
  else desk.change((steward) => started(steward, workflowIds.driftRetrain(registeredModel, new Date(now)), now));
}

/** Starts the retrain that was decided, unless Temporal has it, and notes how it ends. */
async function follow(desk: Desk, retrain: Retrain, plan: DriftStewardPlan): Promise<void> {
  if (!retrain.begun) {
    const problem = await begin(desk.steward.registeredModel, retrain, plan);
    if (problem !== null) {
      return settle(desk, { ending: { code: 'notStarted', message: problem }, endedAt: Date.now() }, plan);
    }
    desk.change(begun);
  }
  const ending = await endingOf(retrain.workflowId);
  if (ending) settle(desk, ending, plan);
}

function settle(desk: Desk, ending: Ending, plan: DriftStewardPlan): void {
  const before = desk.steward;
  desk.change((steward) => ended(steward, ending, plan));
  // Nothing waits for it: alerts are kept whether or not anybody reads of the failure.
  if (hasFailed(ending)) {
    for (const news of stewardNotices(before, desk.steward, ending, plan.links.temporalUi)) void notify(plan, news);
  }
}

/** @returns why it could not be started; null: it was */
async function begin(registeredModel: string, retrain: Retrain, plan: DriftStewardPlan): Promise<string | null> {
  const { workflowId, alerts, asked } = retrain;
  const sender = alerts?.latest.sender;
  const trigger = (alerts ? `drift alert${sender ? ` by ${sender}` : ''}` : `asked for by ${asked?.by}`).slice(0, 200);
  const report = alerts?.report ?? null;
  const summary = shorten(`Retrain of ${registeredModel}: ${occasion(retrain)}`);
  const input = { ...plan.retrain, registeredModel, trigger, ...(report && { driftReport: report }) };
  try {
    const memo = { trigger, report, alerts: alerts?.count ?? 0 };
    await activities.startRetrain({ workflowId, input, summary, memo });
    return null;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return rootMessage(error);
  }
}

async function followOthers(desk: Desk, workflowId: string, plan: DriftStewardPlan): Promise<void> {
  const ending = await endingOf(workflowId);
  if (ending) desk.change((steward) => othersEnded(steward, workflowId, ending, plan));
}

/**
 * Waits for the end of a retrain.
 *
 * @returns null when the history is long enough to continue as new first; the next run waits on
 */
async function endingOf(workflowId: string): Promise<Ending | null> {
  return Promise.race([activities.awaitRetrain({ workflowId }), condition(isLong).then(() => null)]);
}

/** Waits for something to decide: an alert, a resume, somebody who asks, or the end of a cooldown or back-off. */
async function rest(desk: Desk): Promise<void> {
  const before = decide(desk.steward, Date.now());
  const until = before.kind === 'wait' ? before.until : null;
  const isDue = () => {
    const { steward } = desk;
    const now = decide(steward, Date.now());
    return now.kind === 'start' || now.until !== until || isLong();
  };
  if (until === null) await condition(isDue);
  else await condition(isDue, until - Date.now(), { summary: shorten(restText(desk.steward)) });
  desk.change((steward) => steward);
}

/**
 * Events after which it continues as new. Few, so that they are replayed at once when a worker dies in a storm: Temporal
 * takes a workflow task back that keeps 100 signals waiting, and a long replay would never come to its end.
 */
const LONG_HISTORY = 500;

function isLong(): boolean {
  const { historyLength, continueAsNewSuggested } = workflowInfo();
  return (historyLength > LONG_HISTORY || continueAsNewSuggested) && allHandlersFinished();
}

/** One that was started by hand under another id hands its alerts to the steward of the model, and makes sure of it. */
async function handOver(desk: Desk, registeredModel: string): Promise<null> {
  const workflowId = await activities.ensureSteward({ registeredModel });
  while (desk.steward.pending) {
    const { latest } = desk.steward.pending;
    desk.change((steward) => ({ ...steward, pending: null }));
    await activities.raiseAlert({ registeredModel, alert: latest });
  }
  setCurrentDetails(handedOverMarkdown(registeredModel, workflowId));
  return null;
}

// It may outlive many releases: it moves on to the newest code, which replays its history.
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, driftSteward);
