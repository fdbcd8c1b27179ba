import {
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Stage } from '../../contracts/names.ts';
import type { Plan } from '../../contracts/plan.ts';
import { type Progress, SearchProgress, type StageProgress } from '../../contracts/progress.ts';
import { progressQuery } from '../../contracts/queries.ts';
import { SEARCH_ATTRIBUTES } from '../../contracts/searchAttributes.ts';
import { progressMarkdown } from '../../policy/details.ts';
import { rootMessage } from './failures.ts';

/** Shows where a workflow stands: in the UI's current details and in the answer of its `progress` query. */
export interface Board {
  /** Runs a stage and shows its state, times and outcome. */
  stage<Result>(name: Stage, run: () => Promise<Result>, summarise: (result: Result) => string): Promise<Result>;
  skip(name: Stage, why: string): void;
  search(progress: SearchProgress): void;
  waitFor(what: string | null): void;
  problem(what: string): void;
  link(name: string, url: string): void;
  /** Makes the workflow findable by what it is about. */
  attributes(values: { [Key in keyof typeof SEARCH_ATTRIBUTES]?: string | number | null | undefined }): void;
}

export function openBoard(stages: readonly Stage[], plan: Plan): Board {
  const progress: Progress = {
    stages: stages.map((name) => ({ name, state: 'waiting' })),
    search: null,
    waitingFor: null,
    problem: null,
    links: [],
  };
  const show = () => setCurrentDetails(progressMarkdown(progress));
  const change = (name: Stage, values: Partial<StageProgress>) => {
    progress.stages = progress.stages.map((stage) => (stage.name === name ? { ...stage, ...values } : stage));
    show();
  };
  setHandler(progressQuery, () => progress, {
    description: 'Where the workflow stands: stages with times, trials, what it waits for',
  });

  const board: Board = {
    async stage(name, run, summarise) {
      change(name, { state: 'running', startedAt: Date.now() });
      try {
        const result = await run();
        change(name, { state: 'done', endedAt: Date.now(), summary: summarise(result) });
        return result;
      } catch (error) {
        const cancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
        const summary = cancelled ? 'cancelled' : rootMessage(error);
        change(name, { state: cancelled ? 'cancelled' : 'failed', endedAt: Date.now(), summary });
        throw error;
      }
    },
    skip: (name, why) => change(name, { state: 'skipped', summary: why }),
    search: (reported) => {
      const search = SearchProgress.safeParse(reported);
      // Reports may overtake one another, and anyone may send a signal.
      if (!search.success || finishedTrials(search.data) < finishedTrials(progress.search)) return;
      progress.search = search.data;
      show();
    },
    waitFor: (what) => {
      progress.waitingFor = what;
      show();
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
      upsertSearchAttributes(
        Object.entries(values).flatMap(([name, value]) =>
          value === null || value === undefined
            ? []
            : [{ key: SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES], value } as never],
        ),
      );
    },
  };
  board.link('API', plan.links.api);
  board.attributes({ model: plan.registeredModel, trigger: triggerOf() });
  return board;
}

const finishedTrials = (search: SearchProgress | null) => (search ? search.complete + search.failed : 0);

/** What started the workflow, as far as it can be told from within. */
function triggerOf(): string {
  const { parent, searchAttributes } = workflowInfo();
  if (parent) return parent.workflowId;
  return 'TemporalScheduledById' in searchAttributes ? 'schedule' : 'manual';
}
