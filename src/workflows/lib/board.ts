import {
  CancellationScope,
  ContinueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Stage } from '../../contracts/names.ts';
import type { Plan } from '../../contracts/plan.ts';
import { type ExtraStepProgress, type Progress, SearchProgress, StageProgress } from '../../contracts/progress.ts';
import { progressQuery, stageProgressed } from '../../contracts/queries.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/searchAttributes.ts';
import { progressMarkdown } from '../../policy/details.ts';
import { rootMessage } from './failures.ts';

/** Shows where a workflow stands: in the UI's current details and in the answer of its `progress` query. */
export interface Board {
  /** Runs a stage and shows its state, times and outcome. */
  stage<Result>(name: Stage, run: () => Promise<Result>, summarise: (result: Result) => string): Promise<Result>;
  start(name: Stage): void;
  finish(name: Stage, summary: string): void;
  skip(name: Stage, why: string): void;
  /** Runs the body; when it fails, the stage that was running is shown as failed or cancelled, and why. */
  failing<Result>(body: () => Promise<Result>): Promise<Result>;
  /** Takes over what a child workflow reports of a stage. */
  merge(stage: StageProgress): void;
  search(progress: SearchProgress): void;
  /** Shows where a command of the project stands that is no stage. */
  extra(step: ExtraStepProgress): void;
  waitFor(what: string | null): void;
  problem(what: string): void;
  link(name: string, url: string): void;
  /** Makes the workflow findable by what it is about. */
  attributes(values: { [Key in keyof typeof SEARCH_ATTRIBUTES]?: string | number | null | undefined }): void;
}

interface BoardOptions {
  /** Tell the parent workflow, which shows the same stages, of every change. */
  reports?: boolean;
  /** What started it, where the input says so; absent: as far as it can be told from within. */
  trigger?: string | undefined;
}

export function openBoard(
  stages: readonly Stage[],
  plan: Plan,
  { reports = false, trigger = triggerOf() }: BoardOptions = {},
): Board {
  const progress: Progress = {
    stages: stages.map((name) => ({ name, state: 'waiting' })),
    search: null,
    waitingFor: null,
    problem: null,
    links: [],
  };
  const show = () => setCurrentDetails(progressMarkdown(progress));
  const find = (name: Stage) => progress.stages.find((stage) => stage.name === name);
  const change = (name: Stage, values: Partial<StageProgress>) => {
    progress.stages = progress.stages.map((stage) => (stage.name === name ? { ...stage, ...values } : stage));
    show();
    const changed = find(name);
    if (reports && changed) report(changed);
  };
  setHandler(progressQuery, () => progress, {
    description: 'Where the workflow stands: stages with times, trials, what it waits for',
  });

  const board: Board = {
    start: (name) => change(name, { state: 'running', startedAt: Date.now() }),
    finish: (name, summary) => {
      const ended = isOver(find(name)) ? {} : { state: 'done' as const, endedAt: Date.now() };
      change(name, { ...ended, summary });
    },
    skip: (name, why) => change(name, { state: 'skipped', summary: why }),
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
        const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
        const summary = cancelled ? 'cancelled' : rootMessage(error);
        for (const { name, state } of progress.stages) {
          if (state !== 'running') continue;
          change(name, { state: cancelled ? 'cancelled' : 'failed', endedAt: Date.now(), summary });
        }
        throw error;
      }
    },
    merge: (reported) => {
      const stage = StageProgress.safeParse(reported);
      // Reports may overtake one another, and anyone may send a signal.
      if (!stage.success || isOver(find(stage.data.name))) return;
      change(stage.data.name, stage.data);
    },
    search: (reported) => {
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
    waitFor: (what) => {
      progress.waitingFor = what;
      show();
      const running = progress.stages.find(({ state }) => state === 'running');
      if (reports && running) report({ ...running, summary: what ? `waits for ${what}` : 'running' });
    },
    problem: (what) => {
      progress.problem = what;
      show();
    },
    link: (name, url) => {
      progress.links = [...progress.links.filter((link) => link.name !== name), { name, url }];
      show();
    },
    attributes: (values) => {
      if (!plan.searchAttributes) return;
      const known = Object.entries(values).flatMap(([name, value]) =>
        value === null || value === undefined
          ? []
          : [{ key: SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES], value } as never],
      );
      // Temporal refuses an upsert of nothing, and the workflow task would be tried for ever.
      if (known.length > 0) upsertSearchAttributes(known);
    },
  };
  board.link('API', plan.links.api);
  board.attributes({ model: plan.registeredModel, trigger });
  return board;
}

/** Tells the parent workflow where a stage stands; one that has ended needs no report. */
function report(stage: StageProgress): void {
  const { parent } = workflowInfo();
  if (!parent) return;
  getExternalWorkflowHandle(parent.workflowId, parent.runId)
    .signal(stageProgressed, stage)
    .catch(() => undefined);
}

const isOver = (stage: StageProgress | undefined) =>
  stage !== undefined && stage.state !== 'waiting' && stage.state !== 'running';

const finishedTrials = (search: SearchProgress | null) => (search ? search.complete + search.failed : 0);

/** What started the workflow, as far as it can be told from within. */
function triggerOf(): string {
  const { parent, searchAttributes } = workflowInfo();
  if (parent) return parent.workflowId;
  return 'TemporalScheduledById' in searchAttributes ? 'schedule' : 'manual';
}
