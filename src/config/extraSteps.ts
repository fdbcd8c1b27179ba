import { STAGES, type Stage } from '../contracts/names.ts';
import { didYouMean } from '../words/suggest.ts';

/** Where an extra step stands: before or after a stage, or another extra step. */
interface Position {
  name: string;
  before?: string | undefined;
  after?: string | undefined;
}

/** An extra step with the stage that it belongs to in the end. */
type Placed<Step> = { step: Step; stage: Stage; when: 'before' | 'after' };

/**
 * Puts extra steps in the order in which they run: stage by stage, before it and after it. Those with the same anchor
 * keep the order of the file; what stands before or after another extra step is next to that one. Steps that
 * `extraStepFaults` finds fault with may be missing.
 */
export function orderExtraSteps<Step extends Position>(steps: readonly Step[]): Placed<Step>[] {
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

/** Why extra steps cannot be put in order: the step at fault by its place in the list, and the wrong setting of it. */
interface ExtraStepFault {
  index: number;
  key: 'name' | 'before' | 'after';
  message: string;
}

/** Names that are taken, anchors that do not exist, and circles. */
export function extraStepFaults(steps: readonly Position[]): ExtraStepFault[] {
  const names = steps.map(({ name }) => name);
  return steps.flatMap((step, index): ExtraStepFault[] => {
    const { name } = step;
    const key = step.before === undefined ? 'after' : 'before';
    if (isStage(name)) {
      return [{ index, key: 'name', message: `an extra step cannot have the name of the stage "${name}"` }];
    }
    if (names.indexOf(name) < index) return [{ index, key: 'name', message: `two extra steps are called "${name}"` }];
    const anchor = anchorOf(step);
    const known = [...STAGES, ...names];
    if (!known.includes(anchor)) {
      const others = known.filter((other) => other !== name);
      const unknown = `"${name}" stands beside "${anchor}", which is none of ${known.join(', ')}`;
      return [{ index, key, message: `${unknown}${didYouMean(anchor, others)}` }];
    }
    const circle = circleFrom(step, steps);
    // Each circle is reported once, at its first step in the list.
    if (!circle || circle.some((member) => names.indexOf(member) < index)) return [];
    return [{ index, key, message: `extra steps go round in a circle: ${[...circle, name].join(' → ')}` }];
  });
}

/** The steps from anchor to anchor, if they lead back to the first. */
function circleFrom(first: Position, steps: readonly Position[]): string[] | undefined {
  const path = [first.name];
  for (;;) {
    const anchor = anchorOf(steps.find(({ name }) => name === path.at(-1)) ?? first);
    if (anchor === first.name) return path;
    if (isStage(anchor) || path.includes(anchor) || !steps.some(({ name }) => name === anchor)) return undefined;
    path.push(anchor);
  }
}

const anchorOf = ({ before, after }: Position) => before ?? after ?? '';
const isStage = (name: string): name is Stage => (STAGES as readonly string[]).includes(name);
