import type { Connection } from '@temporalio/client';
import { TASK_QUEUES } from '../../contracts/names.ts';
import { type Check, need } from '../check.ts';
import { judgeQueue } from '../judge/workers.ts';

/** Kinds of task in Temporal's protocol (TaskQueueType). */
const WORKFLOW = 1;
const ACTIVITY = 2;
const LIMIT_MS = 5_000;

const QUEUES = [
  { role: 'orchestration', kind: WORKFLOW, waits: 'all workflows' },
  { role: 'training', kind: ACTIVITY, waits: 'retrains' },
  { role: 'deployment', kind: ACTIVITY, waits: 'redeployments' },
] as const;

/** Somebody serves every task queue. */
export const workersCheck: Check = {
  name: 'Workers',
  async run({ config, temporal }) {
    const connection = await need(temporal(), 'Temporal does not answer');
    const { namespace } = config.temporal;
    const states = connection.withDeadline(Date.now() + LIMIT_MS, async () => {
      const busy = await isBusy(connection, namespace);
      return await Promise.all(
        QUEUES.map(async ({ role, kind, waits }) => {
          const queue = TASK_QUEUES[role];
          return { queue, role, waits, busy, ...(await served(connection, namespace, queue, kind)) };
        }),
      );
    });
    return (await need(states, `Temporal does not tell of namespace "${namespace}"`)).map(judgeQueue);
  },
};

async function isBusy({ workflowService }: Connection, namespace: string): Promise<boolean> {
  const { count } = await workflowService.countWorkflowExecutions({ namespace, query: "ExecutionStatus = 'Running'" });
  return Number(count ?? 0) > 0;
}

async function served({ workflowService }: Connection, namespace: string, name: string, kind: number) {
  const { pollers, stats } = await workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: kind,
    reportStats: true,
  });
  const now = Date.now();
  return {
    pollerAges: (pollers ?? []).map(({ lastAccessTime }) =>
      Math.max(0, now - Number(lastAccessTime?.seconds ?? 0) * 1000),
    ),
    backlog: Number(stats?.approximateBacklogCount ?? 0),
  };
}
