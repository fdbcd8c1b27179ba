import {
  ChildWorkflowFailure,
  ContinueAsNew,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { workflowIds } from '../../contracts/ids.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';
import type { Plan } from '../../contracts/plan.ts';
import {
  type ExtraStepProgress,
  type PendingDecision,
  type Progress,
  SearchProgress,
  StageProgress,
} from '../../contracts/progress.ts';
import { progressQuery, stageProgressed } from '../../contracts/queries.ts';
import { tooLarge } from '../../contracts/size.ts';
import type { WorkflowName } from '../../contracts/workflows.ts';
import { type Page, pageOf, progressMarkdown } from '../../words/details.ts';
import { explainFailure, type Facts } from '../../words/explain.ts';
import { type Attributes, triggerOf, unsetInherited, upsertAttributes } from './attributes.ts';
import { applicationFailure, rootMessage, wasCancelled } from './failures.ts';

/** Shows where a workflow stands: in the UI's current details and in the answer of its `progress` query. */
export interface Board {
  /** From here on the plan is known: what the workflow is about, its links, and whether it can be searched for. */
  planned(plan: Plan): void;
  /** Runs a stage and shows its state, times and outcome. */
  stage<Result>(name: Stage, run: () => Promise<Result>, summarise: (result: Result) => string): Promise<Result>;
  start(name: Stage): void;
  finish(name: Stage, summary: string): void;
  skip(name: Stage, why: string): void;
  /** Shows which workflow runs a stage. */
  child(name: Stage): void;
  /** Runs the body; when it fails, the stage that was running is shown as failed or cancelled, and why. */
  failing<Result>(body: () => Promise<Result>): Promise<Result>;
  /** Runs all of the workflow; when it fails, that is explained: what happened, what was left, and what to do. */
  explaining<Result>(body: () => Promise<Result>): Promise<Result>;
  /** Takes over what a child workflow reports of a stage. */
  merge(stage: StageProgress): void;
  search(progress: SearchProgress): void;
  /** Shows where a command of the project stands that is no stage. */
  extra(step: ExtraStepProgress): void;
  /** @param kind what the workflow is listed as waiting for in the UI; absent: nothing that anybody looks for */
  waitFor(what: string | null, kind?: 'lock'): void;
  /** Shows that a person is asked, and how to answer; null: no longer. */
  ask(decision: PendingDecision | null, what?: string): void;
  problem(what: string): void;
  /** Shows a sentence or two besides. */
  remark(what: string): void;
  /** Remembers what an explanation of a failure must tell. */
  learn(facts: Facts): void;
  /** Shows what came of the workflow, in words. */
  conclude(result: string): void;
  link(name: string, url: string): void;
  /** Makes the workflow findable by what it is about. */
  attributes(values: Attributes): void;
}

export interface BoardOptions {
  /** Tell the parent workflow, which shows the same stages, of every change. */
  reports?: boolean;
  /** What started it, where the input says so; absent: as far as it can be told from within. */
  trigger?: string | undefined;
  /** What its input says that it is about. */
  registeredModel?: string | undefined;
  version?: string | undefined;
  /** It changes nothing. */
  dryRun?: boolean | undefined;
}

/** Opens the board of a workflow, and shows it at once. */
export function openBoard(type: WorkflowName, stages: readonly Stage[], options: BoardOptions = {}): Board {
  const { reports = false, trigger = triggerOf(), dryRun = false } = options;
  const { workflowId, parent } = workflowInfo();
  const progress: Progress = {
    stages: stages.map((name) => ({ name, state: 'waiting' })),
    search: null,
    waitingFor: null,
    problem: null,
    links: [],
  };
  const page: Page = {
    type,
    workflowId,
    parentId: parent?.workflowId ?? null,
    registeredModel: options.registeredModel ?? null,
    version: options.version ?? null,
    dryRun,
    temporalUi: null,
  };
  let plan: Plan | undefined;
  let facts: Facts = {};
  let listedAs: 'approval' | 'lock' | null = null;
  const show = () => setCurrentDetails(progressMarkdown(progress, page));
  const find = (name: Stage) => progress.stages.find((stage) => stage.name === name);
  const set = (name: Stage, values: Partial<StageProgress>) => {
    progress.stages = progress.stages.map((stage) => (stage.name === name ? { ...stage, ...values } : stage));
    show();
  };
  const change = (name: Stage, values: Partial<StageProgress>) => {
    set(name, values);
    const changed = find(name);
    if (reports && changed) report(changed);
  };
  const listAs = (kind: typeof listedAs) => {
    // Runs that an earlier release began have no such command in their histories.
    if (kind === listedAs || !plan?.waitingAttribute) return;
    listedAs = kind;
    upsertAttributes({ waiting: kind });
  };
  const tellOfWaiting = () => {
    show();
    const { waitingFor } = progress;
    const running = progress.stages.find(({ state }) => state === 'running');
    if (reports && running) report({ ...running, summary: waitingFor ? `waits for ${waitingFor}` : 'running' });
  };
  setHandler(progressQuery, () => progress, {
    description: 'Where the workflow stands: stages with times, trials, what it waits for, what came of it',
  });

  const board: Board = {
    planned: (known) => {
      plan = known;
      page.registeredModel = known.registeredModel;
      page.temporalUi = known.links.temporalUi;
      board.link('API', known.links.api);
      if (known.searchAttributes) upsertAttributes({ ...unsetInherited(), model: known.registeredModel, trigger });
    },
    start: (name) => change(name, { state: 'running', startedAt: Date.now() }),
    finish: (name, summary) => {
      const ended = isOver(find(name)) ? {} : { state: 'done' as const, endedAt: Date.now() };
      change(name, { ...ended, summary });
    },
    skip: (name, why) => change(name, { state: 'skipped', summary: why }),
    child: (name) => {
      const id = workflowIds.stage(workflowId, name);
      if (find(name)) set(name, { workflowId: id });
      else if (plan) board.link(STAGE_TITLES[name], pageOf(plan.links.temporalUi, id));
    },
    async stage(name, run, summarise) {
      board.start(name);
      const result = await board.failing(run);
      board.finish(name, summarise(result));
      return result;
    },
    async failing(body) {
      try {
        return await body();
      } catch (error) {
        if (error instanceof ContinueAsNew) throw error;
        const cancelled = wasCancelled(error);
        const summary = cancelled ? 'cancelled' : rootMessage(error);
        for (const { name, state } of progress.stages) {
          if (state !== 'running') continue;
          change(name, { state: cancelled ? 'cancelled' : 'failed', endedAt: Date.now(), summary });
        }
        throw error;
      }
    },
    async explaining(body) {
      try {
        return await board.failing(body);
      } catch (error) {
        if (error instanceof ContinueAsNew) throw error;
        progress.waitingFor = null;
        progress.decision = null;
        listAs(null);
        progress.failure = explainFailure({
          workflow: type,
          workflowId,
          type: applicationFailure(error)?.type ?? null,
          message: rootMessage(error),
          cancelled: wasCancelled(error),
          child: error instanceof ChildWorkflowFailure ? (error.execution.workflowId ?? null) : null,
          stages: progress.stages,
          facts,
          dryRun,
        });
        show();
        throw error;
      }
    },
    merge: (reported) => {
      const stage = StageProgress.safeParse(reported);
      // Reports may overtake one another, and anyone may send a signal.
      if (!stage.success || isOver(find(stage.data.name))) return;
      // A reset brings back the reports of stages that are yet to come.
      const index = progress.stages.findIndex(({ name }) => name === stage.data.name);
      if (!progress.stages.slice(0, index).every(isOver)) return;
      change(stage.data.name, stage.data);
    },
    search: (reported) => {
      if (tooLarge(reported)) return;
      const search = SearchProgress.safeParse(reported);
      if (!search.success || finishedTrials(search.data) < finishedTrials(progress.search)) return;
      progress.search = search.data;
      show();
    },
    extra: (step) => {
      const others = (progress.extraSteps ?? []).filter(({ name }) => name !== step.name);
      progress.extraSteps = [...others, step];
      show();
    },
    waitFor: (what, kind) => {
      progress.waitingFor = what;
      listAs(kind ?? null);
      tellOfWaiting();
    },
    ask: (decision, what) => {
      progress.decision = decision;
      progress.waitingFor = what ?? null;
      listAs(decision ? 'approval' : null);
      tellOfWaiting();
    },
    problem: (what) => {
      progress.problem = what;
      show();
    },
    remark: (what) => {
      progress.notes = [...(progress.notes ?? []), what];
      show();
    },
    learn: (more) => {
      facts = { ...facts, ...more };
    },
    conclude: (result) => {
      progress.waitingFor = null;
      progress.result = result;
      show();
    },
    link: (name, url) => {
      progress.links = [...progress.links.filter((link) => link.name !== name), { name, url }];
      show();
    },
    attributes: (values) => {
      if (typeof values.version === 'string') {
        page.version = values.version;
        show();
      }
      if (!plan?.searchAttributes) return;
      upsertAttributes(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)));
    },
  };
  show();
  return board;
}

/** Tells the parent workflow where a stage stands; one that has ended needs no report. */
function report(stage: StageProgress): void {
  const { parent } = workflowInfo();
  if (!parent) return;
  getExternalWorkflowHandle(parent.workflowId)
    .signal(stageProgressed, stage)
    .catch(() => undefined);
}

const isOver = (stage: StageProgress | undefined) =>
  stage !== undefined && stage.state !== 'waiting' && stage.state !== 'running';

const finishedTrials = (search: SearchProgress | null) => (search ? search.complete + search.failed : 0);
