import type { Cli } from '../cli.ts';
import { WAS_RESET, waitForEnd } from '../follow/ending.ts';
import { describe, targetOf } from '../follow/target.ts';
import { writeLine } from '../io.ts';
import { withSession } from '../session.ts';

/** What Temporal tells of a workflow's end. */
export type End =
  /** At: Unix time (ms). */
  | { kind: 'ended'; state: string; at: number }
  | { kind: 'running' }
  /** Temporal is away, or has no workflow of this id (any more). */
  | { kind: 'unknown'; error: Error };

/**
 * Asks for the end of a workflow, and waits for it if that is wanted. Never throws: whoever reads logs needs Temporal
 * for nothing else.
 */
export async function endOf(cli: Cli, workflowId: string, { wait }: { wait: boolean }): Promise<End> {
  try {
    return await withSession(cli, async (session): Promise<End> => {
      const description = await describe(session, workflowId);
      const { closeTime, status } = description;
      if (closeTime)
        return { kind: 'ended', state: status.name.toLowerCase(), at: Math.min(closeTime.getTime(), Date.now()) };
      if (!wait) return { kind: 'running' };
      const ending = await waitForEnd(session, targetOf(description), cli.io.interrupted, () => tellReset(cli));
      return ending.state === 'left' ? { kind: 'running' } : { kind: 'ended', state: ending.state, at: Date.now() };
    });
  } catch (error) {
    return { kind: 'unknown', error: error as Error };
  }
}

function tellReset(cli: Cli): void {
  cli.emit({ event: 'notice', at: new Date().toISOString(), notices: [WAS_RESET] });
  writeLine(cli.io.stderr, WAS_RESET);
}
