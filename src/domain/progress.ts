import type { Stage } from '../contracts/names.ts';
import type {
  ExtraStepProgress,
  Facts,
  Link,
  Progress,
  Remark,
  SearchProgress,
  SkipReason,
  StageOutcome,
  StageProgress,
  Waiting,
  WorkflowFailure,
} from '../contracts/progress.ts';
import type { WorkflowName } from '../contracts/workflows.ts';

/** What happens in a workflow. Times are Unix times (ms). */
export type ProgressEvent =
  | { event: 'planned'; registeredModel: string; links: { temporalUi: string; api: string } }
  | { event: 'stageStarted'; stage: Stage; at: number }
  | { event: 'childStarted'; stage: Stage; workflowId: string; url: string | null }
  | { event: 'stageEnded'; stage: Stage; at: number; outcome: StageOutcome }
  | { event: 'stageSkipped'; stage: Stage; reason: SkipReason }
  | { event: 'stageWaits'; stage: Stage; waiting: Waiting | null }
  | { event: 'trialsChanged'; search: SearchProgress }
  | { event: 'extraStepChanged'; step: ExtraStepProgress }
  | { event: 'waits'; waiting: Waiting | null }
  | { event: 'remarked'; remark: Remark }
  | { event: 'linked'; link: Link }
  | { event: 'learned'; facts: Facts }
  | { event: 'failed'; at: number; failure: WorkflowFailure }
  | { event: 'completed'; result: unknown };

interface Beginning {
  workflow: WorkflowName;
  workflowId: string;
  parentId: string | null;
  registeredModel: string | null;
  version: string | null;
  dryRun: boolean;
  stages: readonly Stage[];
}

export function beginProgress({ stages, ...subject }: Beginning): Progress {
  return {
    ...subject,
    temporalUi: null,
    stages: stages.map((name) => ({ name, state: 'waiting' })),
    search: null,
    extraSteps: [],
    waiting: null,
    remarks: [],
    links: [],
    facts: {},
    failure: null,
    result: null,
  };
}

/** The state after an event. Nothing here reads a clock or calls anybody: the same events make the same state. */
export function advance(progress: Progress, event: ProgressEvent): Progress {
  switch (event.event) {
    case 'planned': {
      const { registeredModel, links } = event;
      const api: Link = { kind: 'api', url: links.api };
      return { ...progress, registeredModel, temporalUi: links.temporalUi, links: [...progress.links, api] };
    }
    case 'stageStarted':
      return withStage(progress, event.stage, { state: 'running', startedAt: event.at });
    case 'childStarted': {
      const { stage, workflowId, url } = event;
      if (progress.stages.some(({ name }) => name === stage)) return withStage(progress, stage, { workflowId });
      return url === null ? progress : withLink(progress, { kind: 'stage', stage, url });
    }
    case 'stageEnded': {
      const { stage, at, outcome } = event;
      const ended = { state: 'done', endedAt: at, waiting: null, outcome } as const;
      return withStage({ ...progress, search: searchAfter(progress.search, outcome) }, stage, ended);
    }
    case 'stageSkipped':
      return withStage(progress, event.stage, {
        state: 'skipped',
        outcome: { code: 'skipped', reason: event.reason },
      });
    case 'stageWaits':
      return withStage(progress, event.stage, { waiting: event.waiting }, isRunning);
    case 'trialsChanged':
      return finishedTrials(event.search) < finishedTrials(progress.search)
        ? progress
        : { ...progress, search: event.search };
    case 'extraStepChanged': {
      const others = progress.extraSteps.filter(({ name }) => name !== event.step.name);
      return { ...progress, extraSteps: [...others, event.step] };
    }
    case 'waits':
      return { ...progress, waiting: event.waiting };
    case 'remarked':
      return { ...progress, remarks: [...progress.remarks, event.remark] };
    case 'linked':
      return withLink(progress, event.link);
    case 'learned': {
      const version = event.facts.version ?? event.facts.registered ?? progress.version;
      return { ...progress, version, facts: { ...progress.facts, ...event.facts } };
    }
    case 'failed': {
      const { at, failure } = event;
      const outcome: StageOutcome = failure.cancelled
        ? { code: 'cancelled' }
        : { code: 'failed', message: failure.message };
      const stages = progress.stages.map((stage) =>
        isRunning(stage) ? { ...stage, state: outcome.code, endedAt: at, waiting: null, outcome } : stage,
      ) as StageProgress[];
      return { ...progress, stages, waiting: null, failure };
    }
    case 'completed':
      return { ...progress, waiting: null, result: event.result };
  }
}

/** The signals of a search may be late, or dropped; its result is not. */
function searchAfter(search: SearchProgress | null, outcome: StageOutcome): SearchProgress | null {
  if (outcome.code !== 'search' || !outcome.best) return search;
  const { complete, pruned, failed, metric, best } = outcome;
  const total = Math.max(search?.total ?? 0, complete + pruned + failed);
  return { total, complete, pruned, failed, running: 0, metric, best: { ...best, score: best.score ?? 0 } };
}

function withStage(
  progress: Progress,
  name: Stage,
  values: Partial<StageProgress>,
  applies: (stage: StageProgress) => boolean = () => true,
): Progress {
  const stages = progress.stages.map((stage) =>
    stage.name === name && applies(stage) ? { ...stage, ...values } : stage,
  );
  return { ...progress, stages };
}

function withLink(progress: Progress, link: Link): Progress {
  const others = progress.links.filter(({ kind, stage }) => kind !== link.kind || stage !== link.stage);
  return { ...progress, links: [...others, link] };
}

const isRunning = ({ state }: StageProgress) => state === 'running';
export const finishedTrials = (search: SearchProgress | null) =>
  search ? search.complete + search.pruned + search.failed : 0;
