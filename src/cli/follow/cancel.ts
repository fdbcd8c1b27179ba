import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Session } from '../session.ts';
import { describe } from './target.ts';

/** A workflow that another one has started. */
export interface Child {
  workflowId: string;
  workflow: string;
}

/** The workflows that run under one, each before those that it has started itself. */
export async function runningUnder(session: Session, { raw }: WorkflowExecutionDescription): Promise<Child[]> {
  const below = await Promise.all(
    (raw.pendingChildren ?? []).map(async ({ workflowId, workflowTypeName }) => {
      const child = { workflowId: workflowId ?? '', workflow: workflowTypeName ?? '' };
      // One that ended meanwhile has nothing under it.
      const description = await describe(session, child.workflowId).catch(() => null);
      return [child, ...(description ? await runningUnder(session, description) : [])];
    }),
  );
  return below.flat();
}
