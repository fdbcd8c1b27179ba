import { isCancellation } from '@temporalio/workflow';
import type { ArtifactRef } from '../../contracts/artifacts.ts';
import type { Stage } from '../../contracts/names.ts';
import type { Plan, PlannedExtraStep } from '../../contracts/plan.ts';
import type { StageProgress } from '../../contracts/progress.ts';
import { commandActivities } from './activities.ts';
import type { Board } from './board.ts';
import { idempotencyKey } from './stages.ts';

/** What the commands may be told of so far. */
interface Known {
  dataset?: ArtifactRef | undefined;
  version?: string | undefined;
}

/**
 * Runs the commands of the project that stand at one side of a stage, one after the other. A plan without any, which
 * every older one is, schedules nothing.
 */
export async function runExtraSteps(
  board: Board,
  plan: Plan,
  stage: Stage,
  when: 'before' | 'after',
  known: Known = {},
): Promise<void> {
  for (const step of plan.extraSteps ?? []) {
    if (step.stage === stage && step.when === when) await runExtraStep(board, plan, step, known);
  }
}

async function runExtraStep(board: Board, plan: Plan, step: PlannedExtraStep, known: Known): Promise<void> {
  const { name, stage, when, timeoutSeconds } = step;
  const show = (state: StageProgress['state']) => board.extra({ name, stage, when, state });
  const { registeredModel, data, model, seed } = plan;
  const { dataset = null, version = null } = known;
  show('running');
  try {
    const key = idempotencyKey(`extra/${name}`);
    const request = { registeredModel, name, data, model, seed, dataset, version, key };
    await commandActivities(timeoutSeconds, step).runExtraStep(request);
  } catch (error) {
    show(isCancellation(error) ? 'cancelled' : 'failed');
    throw error;
  }
  show('done');
}
