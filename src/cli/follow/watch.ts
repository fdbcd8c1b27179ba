import { setTimeout as delay } from 'node:timers/promises';
import { QueryNotRegisteredError } from '@temporalio/client';
import { TASK_QUEUES } from '../../contracts/names.ts';
import { Progress } from '../../contracts/progress.ts';
import { isAway, type Session } from '../session.ts';
import { type Ending, WAS_RESET, waitForEnd } from './ending.ts';
import type { Target } from './target.ts';

/** Shows a workflow under way to a reader. */
export interface View {
  /** Where the workflow stands now; called again and again, changed or not. */
  progress(progress: Progress): void;
  /** What stands in the way at present, in sentences; empty when nothing does. */
  notices(texts: readonly string[]): void;
  /** No more will come. */
  close(): void;
}

interface Watched {
  ending: Ending;
  /** What was followed at the end: its run is another one after a reset. */
  target: Target;
  /** The last progress that was seen; null when the workflow never answered. */
  progress: Progress | null;
}

const POLL_MS = 400;
const WORKERS_POLL_MS = 3_000;
/** So long a reset is shown, for those who see the latest notices only (ms). */
const RESET_SHOWN_MS = 5_000;
/**
 * After the end the last state is asked for, if a worker is there to answer (ms). Twice: Temporal may lose a question
 * that it gets just when the workflow ends.
 */
const LAST_QUESTIONS_LIMITS_MS = [1_500, 3_000];

/**
 * Shows a workflow until it ends or the reader leaves. Workers may come and go meanwhile.
 *
 * @param left aborted when the reader wants to follow no longer
 */
export async function watch(session: Session, target: Target, view: View, left: AbortSignal): Promise<Watched> {
  let progress: Progress | null = null;
  const take = (answer: Answer) => {
    if (!('progress' in answer)) return;
    progress = answer.progress;
    view.progress(progress);
  };
  let followed = target;
  let resetAt = Number.NEGATIVE_INFINITY;
  const resetNotices = () => (Date.now() - resetAt < RESET_SHOWN_MS ? [WAS_RESET] : []);
  const onReset = (runId: string) => {
    followed = { ...target, runId };
    resetAt = Date.now();
    view.notices(resetNotices());
  };
  const over = new AbortController();
  const end = waitForEnd(session, target, left, onReset).finally(() => over.abort());
  const workers = watchWorkers(session, over.signal);
  try {
    while (!over.signal.aborted) {
      const answer = await Promise.race([askProgress(session, target.workflowId), end.then(() => null)]);
      if (!answer) break;
      take(answer);
      view.notices([...resetNotices(), ...noticesOf(answer, workers.unserved)]);
      await delay(POLL_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
    const ending = await end;
    if (ending.state !== 'left') take(await askLast(session, target.workflowId));
    view.notices([]);
    return { ending, target: followed, progress };
  } finally {
    view.close();
  }
}

async function askLast(session: Session, workflowId: string): Promise<Answer> {
  let answer: Answer = { unknown: true };
  for (const limitMs of LAST_QUESTIONS_LIMITS_MS) {
    answer = await askProgress(session, workflowId, limitMs);
    if (!('silent' in answer)) break;
  }
  return answer;
}

/** The queues that nobody serves, kept up to date until the signal. */
function watchWorkers(session: Session, signal: AbortSignal): { unserved: string[] } {
  const workers = { unserved: [] as string[] };
  void (async () => {
    while (!signal.aborted) {
      workers.unserved = await unservedQueues(session);
      await delay(WORKERS_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return workers;
}

function noticesOf(answer: Answer, unserved: readonly string[]): string[] {
  const silent = 'silent' in answer ? answer.silent : null;
  if (silent === 'temporal') return ['Temporal does not answer; waiting.'];
  const missing = unserved.map((queue) => `No worker polls task queue ${queue}: start one with "npm run worker".`);
  return silent && missing.length === 0 ? ['The worker does not answer; waiting.'] : missing;
}

/** What came back when a workflow was asked where it stands; `silent`: who did not answer. */
type Answer = { progress: Progress } | { silent: 'worker' | 'temporal' } | { unknown: true };

/** How long one question may take: a worker answers in milliseconds (ms). */
const QUESTION_LIMIT_MS = 3_000;

/**
 * Asks a workflow, running or ended, for its progress. `unknown`: its kind has no progress.
 * Never throws: whoever follows a workflow outlives workers and servers that are away.
 */
export async function askProgress(
  { client }: Session,
  workflowId: string,
  limitMs = QUESTION_LIMIT_MS,
): Promise<Answer> {
  try {
    const handle = client.workflow.getHandle(workflowId);
    const answer = await client.withDeadline(Date.now() + limitMs, () => handle.query<unknown>('progress'));
    const progress = Progress.safeParse(answer);
    return progress.success ? { progress: progress.data } : { unknown: true };
  } catch (error) {
    if (error instanceof QueryNotRegisteredError) return { unknown: true };
    return { silent: (await isAway(error)) ? 'temporal' : 'worker' };
  }
}

/** Kinds of task in Temporal's protocol (TaskQueueType). */
const WORKFLOW = 1;
const ACTIVITY = 2;
const CHECK_LIMIT_MS = 2_000;

/**
 * The task queues on which tasks wait although no worker has polled them for five minutes, which is how long Temporal
 * remembers. A busy worker does not poll either, so a queue on which nothing waits is never named.
 */
async function unservedQueues(session: Session): Promise<string[]> {
  const queues = [
    { name: TASK_QUEUES.orchestration, kind: WORKFLOW },
    { name: TASK_QUEUES.training, kind: ACTIVITY },
    { name: TASK_QUEUES.deployment, kind: ACTIVITY },
  ];
  const unserved = await Promise.all(
    queues.map(async (queue) => ((await isUnserved(session, queue)) ? queue.name : [])),
  );
  return unserved.flat();
}

async function isUnserved(
  { client, config }: Session,
  { name, kind }: { name: string; kind: number },
): Promise<boolean> {
  const request = {
    namespace: config.temporal.namespace,
    taskQueue: { name },
    taskQueueType: kind,
    reportStats: true,
  };
  try {
    const description = await client.withDeadline(Date.now() + CHECK_LIMIT_MS, () =>
      client.workflowService.describeTaskQueue(request),
    );
    return !description.pollers?.length && Number(description.stats?.approximateBacklogCount ?? 0) > 0;
  } catch {
    // A server that is away is noticed elsewhere.
    return false;
  }
}
