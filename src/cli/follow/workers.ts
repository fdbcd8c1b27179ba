import type { temporal } from '@temporalio/proto';
import { TASK_QUEUES } from '../../contracts/names.ts';
import type { Session } from '../session.ts';

type Description = temporal.api.workflowservice.v1.IDescribeTaskQueueResponse;

/** Kinds of task in Temporal's protocol (TaskQueueType). */
const WORKFLOW = 1;
const ACTIVITY = 2;
const CHECK_LIMIT_MS = 2_000;

/**
 * The task queues on which tasks wait although no worker has polled them for five minutes, which is how long Temporal
 * remembers. A busy worker does not poll either, so a queue on which nothing waits is never named.
 */
export async function unservedQueues(session: Session): Promise<string[]> {
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
    const description: Description = await client.withDeadline(Date.now() + CHECK_LIMIT_MS, () =>
      client.workflowService.describeTaskQueue(request),
    );
    return !description.pollers?.length && Number(description.stats?.approximateBacklogCount ?? 0) > 0;
  } catch {
    // A server that does not tell, or that is away: the follower learns of the latter elsewhere.
    return false;
  }
}
