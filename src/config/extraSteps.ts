import { STAGES, type Stage } from '../contracts/names.ts';

/** Where an extra step stands: before or after a stage, or another extra step. */
interface Position {
  name: string;
  before?: string | undefined;
  after?: string | undefined;
}

/** An extra step with the stage that it belongs to in the end. */
export type Placed<Step> = { step: Step; stage: Stage; when: 'before' | 'after' };

/** Extra steps that cannot be put in order: one names what there is not, or they go round in a circle. */
export class ExtraStepsError extends Error {
  override name = 'ExtraStepsError';
  /** The steps that are at fault. */
  readonly steps: string[];

  constructor(message: string, steps: string[]) {
    super(message);
    this.steps = steps;
  }
}

/**
 * Puts extra steps in the order in which they run: stage by stage, before it and after it. Those with the same anchor
 * keep the order of the file; what stands before or after another extra step is next to that one.
 *
 * @throws {ExtraStepsError} for two of one name, an anchor that does not exist, or a cycle, which it names
 */
export function orderExtraSteps<Step extends Position>(steps: readonly Step[]): Placed<Step>[] {
  const byName = new Map<string, Step>();
  for (const step of steps) {
    if (byName.has(step.name)) throw new ExtraStepsError(`two extra steps are called "${step.name}"`, [step.name]);
    if (isStage(step.name)) {
      throw new ExtraStepsError(`an extra step cannot have the name of the stage "${step.name}"`, [step.name]);
    }
    byName.set(step.name, step);
  }
  for (const step of steps) checkAnchor(step, byName);

  const around = (anchor: string, side: 'before' | 'after') => steps.filter((step) => step[side] === anchor);
  /** The step with all that stands around it. */
  const withNeighbours = (step: Step): Step[] => [
    ...around(step.name, 'before').flatMap(withNeighbours),
    step,
    ...around(step.name, 'after').flatMap(withNeighbours),
  ];
  return STAGES.flatMap((stage) =>
    (['before', 'after'] as const).flatMap((when) =>
      around(stage, when)
        .flatMap(withNeighbours)
        .map((step) => ({ step, stage, when })),
    ),
  );
}

/** Follows the anchors of a step to a stage. */
function checkAnchor<Step extends Position>(first: Step, byName: ReadonlyMap<string, Step>): void {
  const path = [first.name];
  let step = first;
  for (;;) {
    const anchor = step.before ?? step.after ?? '';
    if (isStage(anchor)) return;
    const next = byName.get(anchor);
    if (!next) {
      const known = [...STAGES, ...byName.keys()].join(', ');
      throw new ExtraStepsError(`"${step.name}" stands beside "${anchor}", which is none of ${known}`, [step.name]);
    }
    const seen = path.indexOf(anchor);
    if (seen >= 0) {
      const cycle = path.slice(seen);
      throw new ExtraStepsError(`extra steps go round in a circle: ${[...cycle, anchor].join(' → ')}`, cycle);
    }
    path.push(anchor);
    step = next;
  }
}

const isStage = (name: string): name is Stage => (STAGES as readonly string[]).includes(name);
