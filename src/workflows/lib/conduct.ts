import type { z } from 'zod';
import type { Stage } from '../../contracts/names.ts';
import type { Plan, PlanRequest } from '../../contracts/plan.ts';
import type { WORKFLOWS, WorkflowName } from '../../contracts/workflows.ts';
import { type Board, type BoardOptions, openBoard } from './board.ts';
import { parseInput } from './input.ts';
import { planOf } from './plan.ts';

type InputOf<Name extends WorkflowName> = z.output<(typeof WORKFLOWS)[Name]['input']>;

/** What a workflow works with. */
export interface Job<Name extends WorkflowName> {
  request: InputOf<Name>;
  plan: Plan;
  board: Board;
}

interface Conducted<Name extends WorkflowName, Result> {
  stages: readonly Stage[];
  /** Its parent shows the same stages, and is told of every change. */
  reports?: boolean;
  body(job: Job<Name>): Promise<Result>;
  /** What came of it, in words. */
  describe(result: Result): string;
}

/**
 * Runs a workflow that people start: its input is parsed and laid over the configuration, and from its first task to
 * its end the UI shows where it stands, what came of it, or why it failed and what to do.
 */
export async function conduct<Name extends WorkflowName, Result>(
  name: Name,
  input: unknown,
  { stages, reports = false, body, describe }: Conducted<Name, Result>,
): Promise<Result> {
  const request = parseInput(name, input);
  const { trigger, registeredModel, version, dryRun } = request as BoardOptions;
  const board = openBoard(name, stages, { reports, trigger, registeredModel, version, dryRun });
  return board.explaining(async () => {
    const plan = await planOf(request as PlanRequest);
    board.planned(plan);
    const result = await body({ request, plan, board });
    board.conclude(describe(result));
    return result;
  });
}
