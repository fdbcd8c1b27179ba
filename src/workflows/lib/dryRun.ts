import type { Plan } from '../../contracts/plan.ts';
import { would } from '../../words/dryRun.ts';
import { deployment } from './activities.ts';
import type { Board } from './board.ts';

/** What a dry run found out about a deployment. */
interface Rehearsal {
  /** Version that answers now; null: none. */
  serving: string | null;
  would: string[];
}

/**
 * Looks whether a version could be deployed, as a deployment does before it starts anything.
 *
 * @throws ApplicationFailure of type PreflightFailed when it could not
 */
export function rehearseDeployment(board: Board, plan: Plan, version: string): Promise<Rehearsal> {
  const { registeredModel } = plan;
  return board.stage(
    'redeploy',
    async () => {
      await deployment.preflight({ registeredModel, version });
      const serving = (await deployment.serving({ registeredModel }))?.version ?? null;
      board.learn({ serving });
      return { serving, would: would.deploy(version, serving, plan) };
    },
    (found) => `dry run: ${found.would.join(' ')}`,
  );
}
