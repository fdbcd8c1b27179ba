import { workflowIds } from '../../contracts/names.ts';
import { StewardState, stewardQuery } from '../../contracts/steward.ts';
import { goesOn } from '../executionStatus.ts';
import type { Session } from '../session.ts';

/** What is known of the steward of a model. */
export interface StewardAnswer {
  workflowId: string;
  /** `none`: no alert has come yet; `ended`: somebody stopped it, and the next alert starts it anew. */
  exists: 'running' | 'ended' | 'none';
  /** Null when it does not run, or when no worker is there to tell. */
  state: StewardState | null;
}

/** A worker answers in milliseconds (ms). */
const LIMIT_MS = 3_000;

/** Asks the steward of a model what it is doing. */
export async function askSteward({ client }: Session, registeredModel: string): Promise<StewardAnswer> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  const workflowId = workflowIds.steward(registeredModel);
  const handle = client.workflow.getHandle(workflowId);
  try {
    if (!goesOn(await handle.describe())) return { workflowId, exists: 'ended', state: null };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return { workflowId, exists: 'none', state: null };
  }
  try {
    const answer = await client.withDeadline(Date.now() + LIMIT_MS, () => handle.query(stewardQuery));
    return { workflowId, exists: 'running', state: StewardState.parse(answer) };
  } catch {
    // Whether Temporal is there was seen a moment ago: it is the worker that does not answer.
    return { workflowId, exists: 'running', state: null };
  }
}
