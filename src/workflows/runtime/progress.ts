import {
  getExternalWorkflowHandle,
  type SignalDefinition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { STAGES, type Stage, TAGS } from '../../contracts/names.ts';
import type { CommonPlan } from '../../contracts/plans.ts';
import {
  type Progress,
  progressQuery,
  SearchProgress,
  StageWaits,
  searchProgressed,
  stageWaits,
} from '../../contracts/progress.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/savedQueries.ts';
import { tooLarge, truncate } from '../../contracts/text.ts';
import type { WorkflowName } from '../../contracts/workflows.ts';
import { advance, beginProgress, type ProgressEvent } from '../../domain/progress.ts';
import { progressMarkdown } from '../../words/details.ts';

/** Takes down what happens in a workflow, and shows it: in the UI's details, in search attributes, to its parent. */
export interface Recorder {
  readonly progress: Progress;
  report(event: ProgressEvent): void;
  /** From here on the plan is known: what the workflow is about, and whether it can be searched for. */
  planned(plan: CommonPlan, trigger: string): void;
}

export interface Subject {
  registeredModel?: string | undefined;
  version?: string | null | undefined;
  dryRun?: boolean | undefined;
}

export function openRecorder(workflow: WorkflowName, stages: readonly Stage[], subject: Subject): Recorder {
  const { workflowId, parent } = workflowInfo();
  let progress = beginProgress({
    workflow,
    workflowId,
    parentId: parent?.workflowId ?? null,
    registeredModel: subject.registeredModel ?? null,
    version: subject.version ?? null,
    dryRun: subject.dryRun ?? false,
    stages,
  });
  let searchable = false;
  let shown: Attributes = {};
  const showAttributes = () => {
    if (!searchable) return;
    const wanted = attributesOf(progress);
    const changed = Object.entries(wanted).filter(([name, value]) => shown[name as keyof Attributes] !== value);
    shown = { ...shown, ...wanted };
    upsertAttributes(Object.fromEntries(changed));
  };
  const report = (event: ProgressEvent) => {
    const before = progress.waiting;
    progress = advance(progress, event);
    setCurrentDetails(progressMarkdown(progress));
    showAttributes();
    const own = STAGES.find((stage) => stage === workflow);
    if (own && progress.waiting !== before) signalParent(stageWaits, { stage: own, waiting: progress.waiting });
  };
  setCurrentDetails(progressMarkdown(progress));
  setHandler(progressQuery, () => progress, {
    description: 'Where the workflow stands: stages with times, trials, what it waits for, what came of it',
  });
  if (stages.length > 1) {
    setHandler(stageWaits, (input) => takeWaits(input, report), {
      description: 'From one of its stages: what it waits for',
    });
  }
  if (stages.includes('hyperparameterSearch')) {
    setHandler(searchProgressed, (input) => takeTrials(input, report), {
      description: 'How many trials of the search are done, and the best so far',
    });
  }
  return {
    get progress() {
      return progress;
    },
    report,
    planned(plan, trigger) {
      report({ event: 'planned', registeredModel: plan.registeredModel, links: plan.links });
      searchable = plan.searchable;
      if (!searchable) return;
      shown = { model: plan.registeredModel };
      upsertAttributes({ ...unsetInherited(), ...shown, trigger });
    },
  };
}

/** What a workflow is found by. A value that is not known is left out, and stays as it is. */
function attributesOf({ registeredModel, version, stages, waiting, facts }: Progress): Attributes {
  const outcomes = stages.flatMap(({ outcome }) => outcome ?? []);
  const trained = outcomes.find((outcome) => outcome.code === 'version');
  const promotion = outcomes.find((outcome) => outcome.code === 'promotion');
  const rolledBack = outcomes.some(({ code }) => code === 'rolledBack');
  return known({
    model: registeredModel,
    version: facts.version ?? version,
    testAuc: trained?.score?.metric === TAGS.testAuc ? trained.score.value : facts.testAuc,
    driftShare: facts.driftShare,
    stage: rolledBack ? 'Production' : promotion?.promoted ? promotion.registryStage : undefined,
    waiting: waiting?.for === 'lock' ? 'lock' : waiting?.for === 'decision' ? 'approval' : null,
  });
}

function known(values: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => name === 'waiting' || (value !== null && value !== undefined)),
  );
}

/** Anyone may signal anything: what cannot be read is ignored. */
function takeWaits(input: unknown, report: Recorder['report']): void {
  const { data } = tooLarge(input) ? { data: undefined } : StageWaits.safeParse(input);
  if (data) report({ event: 'stageWaits', ...data });
}

function takeTrials(input: unknown, report: Recorder['report']): void {
  const { data } = tooLarge(input) ? { data: undefined } : SearchProgress.safeParse(input);
  if (data) report({ event: 'trialsChanged', search: data });
}

/** A parent that has ended needs no word of it. */
export function signalParent<Input>(signal: SignalDefinition<[Input]>, input: Input): void {
  const { parent } = workflowInfo();
  if (!parent) return;
  getExternalWorkflowHandle(parent.workflowId)
    .signal(signal, input)
    .catch(() => undefined);
}

/** What a workflow can be found by in the UI. */
type Attributes = { [Key in keyof typeof SEARCH_ATTRIBUTES]?: string | number | null | undefined };

/** @param values null unsets one; undefined leaves it as it is */
export function upsertAttributes(values: Attributes): void {
  const known = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ key: SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES], value } as never],
  );
  // Temporal refuses an upsert of nothing, and the workflow task would be tried forever.
  if (known.length > 0) upsertSearchAttributes(known);
}

/**
 * Values that unset what the workflow was started with: the UI's form takes over the attributes of an earlier
 * workflow, and a new one would be found as in Production before it has a version.
 */
function unsetInherited(): Attributes {
  const { typedSearchAttributes: given } = workflowInfo();
  const names = Object.keys(SEARCH_ATTRIBUTES) as (keyof typeof SEARCH_ATTRIBUTES)[];
  return Object.fromEntries(
    names.filter((name) => given.get(SEARCH_ATTRIBUTES[name] as never) !== undefined).map((name) => [name, null]),
  );
}

/** What started the workflow, as far as it can be seen from within. */
export function triggerOf(): string {
  const { parent, searchAttributes } = workflowInfo();
  if (parent) return parent.workflowId;
  return 'TemporalScheduledById' in searchAttributes ? 'schedule' : 'manual';
}

/** Who or what asked for a change, for the history of Production: the trigger that was named, or the workflow itself. */
export const actorOf = (trigger: string): string =>
  trigger === triggerOf() ? workflowInfo().workflowId : truncate(trigger, 200);

/** Whether a steward started the workflow. */
export const startedBySteward = (): boolean => workflowInfo().memo?.alerts !== undefined;
