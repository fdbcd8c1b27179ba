import { proxyActivities } from '@temporalio/workflow';

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '15 seconds',
});

/** The least that a workflow can do with activities: one after the other. */
export async function sequence(count: number): Promise<void> {
  for (let step = 0; step < count; step += 1) await nothing();
}
