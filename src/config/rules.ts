import { STAGES } from '../contracts/names.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { didYouMean } from '../words/suggest.ts';
import { explain } from './explain.ts';
import { ExtraStepsError, orderExtraSteps } from './extraSteps.ts';
import { numberProblems } from './numberRules.ts';
import type { Path, Problem } from './problems.ts';
import { commandProblems, problemOf, stepProblems, type Written } from './stepRules.ts';
import { isMapping } from './values.ts';

/** What no single setting tells: whether they go together. The settings are as written, and may be wrong otherwise. */
export function checkTogether(written: Written): Problem[] {
  return [
    ...numberProblems(written),
    ...stepProblems(written),
    ...extraStepProblems(written),
    ...scheduleProblems(written),
    ...stewardProblems(written),
  ];
}

interface Anchored {
  index: number;
  name: string;
  before?: string | undefined;
  after?: string | undefined;
}

function extraStepProblems(written: Written): Problem[] {
  const { extraSteps } = written.settings;
  if (!Array.isArray(extraSteps)) return [];
  const steps = extraSteps.flatMap((step, index) => (isMapping(step) ? [{ ...step, index }] : []));
  return [
    ...steps.flatMap((step) => commandProblems(written, 'extra', step, ['extraSteps', step.index])),
    ...orderProblems(written, steps.filter(isAnchored)),
  ];
}

/** Each fault is told, mended in thought, and the next one looked for. */
function orderProblems(written: Written, steps: readonly Anchored[]): Problem[] {
  try {
    orderExtraSteps(steps);
    return [];
  } catch (error) {
    if (!(error instanceof ExtraStepsError)) throw error;
    const culprit = steps.findLast(({ name }) => name === error.steps[0]) as Anchored;
    const { index, name, before, after } = culprit;
    const anchor = before ?? after ?? '';
    const names = [...STAGES, ...steps.map((step) => step.name)];
    const unknown = !names.includes(anchor);
    const wrongName = !unknown && error.steps.length === 1 && anchor !== name;
    const key = wrongName ? 'name' : before === undefined ? 'after' : 'before';
    const meant = unknown
      ? didYouMean(
          anchor,
          names.filter((other) => other !== name),
        )
      : '';
    const others = steps.filter((step) => step !== culprit);
    const mended = wrongName ? others : [...others, { index, name, after: STAGES[0] }];
    return [
      problemOf(written, ['extraSteps', index, key], `${error.message}${meant}`),
      ...orderProblems(written, mended),
    ];
  }
}

function isAnchored(step: { index: number } & Record<string, unknown>): step is Anchored & Record<string, unknown> {
  const text = (value: unknown) => typeof value === 'string';
  return (
    text(step.name) && (text(step.before) ? step.after === undefined : step.before === undefined && text(step.after))
  );
}

function scheduleProblems(written: Written): Problem[] {
  const { schedules } = written.settings;
  if (!isMapping(schedules)) return [];
  return Object.entries(schedules).flatMap(([name, schedule]) => {
    if (!isMapping(schedule)) return [];
    const workflow = String(schedule.workflow);
    return inputProblems(written, workflow, schedule.input, ['schedules', name, 'input']);
  });
}

function stewardProblems(written: Written): Problem[] {
  const { steward } = written.settings;
  return isMapping(steward) ? inputProblems(written, 'retrain', steward.retrain, ['steward', 'retrain']) : [];
}

/** A wrong input would end every workflow that is started with it. */
function inputProblems(written: Written, workflow: string, input: unknown, path: Path): Problem[] {
  if (!Object.hasOwn(WORKFLOWS, workflow) || !isMapping(input)) return [];
  const { prefix, placeOf, settings } = written;
  const schema = WORKFLOWS[workflow as keyof typeof WORKFLOWS].input;
  const issues = schema.safeParse(input).error?.issues ?? [];
  const wrong = explain(issues, { schema, settings: input, placeOf, prefix: [...prefix, ...path] });
  const models = isMapping(settings.models) ? Object.keys(settings.models) : [];
  const { registeredModel: name } = input;
  if (typeof name !== 'string' || models.length === 0 || models.includes(name)) return wrong;
  const message = `"${name}" is none of the models: ${models.join(', ')}${didYouMean(name, models)}`;
  return [...wrong, problemOf(written, [...path, 'registeredModel'], message)];
}
