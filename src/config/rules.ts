import { STAGES } from '../contracts/names.ts';
import { STEPS, type StepName } from '../contracts/plan.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { explain } from './explain.ts';
import { ExtraStepsError, orderExtraSteps } from './extraSteps.ts';
import { type PlaceholderStep, placeholderProblems } from './placeholders.ts';
import { type Path, type Place, type Problem, pathText } from './problems.ts';
import { didYouMean, quoted } from './suggest.ts';
import { isMapping } from './values.ts';

interface Rule {
  settings: Record<string, unknown>;
  placeOf(path: Path, part?: 'key' | 'value'): Place;
  prefix: Path;
}

/** What no single setting tells: whether they go together. The settings are as written, and may be wrong otherwise. */
export function checkTogether(rule: Rule): Problem[] {
  return [...stepProblems(rule), ...extraStepProblems(rule), ...scheduleProblems(rule), ...stewardProblems(rule)];
}

function problem({ prefix, placeOf }: Rule, path: Path, message: string, part?: 'key' | 'value'): Problem {
  const whole = [...prefix, ...path];
  return { ...placeOf(whole, part), path: pathText(whole), message };
}

/** Steps that a project may do without. */
const SKIPPABLE: readonly StepName[] = ['prepare', 'search', 'trial', 'evaluate', 'monitor'];

function stepProblems(rule: Rule): Problem[] {
  const { steps } = rule.settings;
  if (!isMapping(steps)) return [];
  return STEPS.flatMap((name) => {
    const step = steps[name];
    if (!isMapping(step)) return [];
    const skipped = step.skip === true || step.skip === 'true';
    const skip = (message: string) => problem(rule, ['steps', name, 'skip'], message, 'key');
    return [
      ...placeholdersOf(rule, name, step, ['steps', name]),
      ...(skipped && !SKIPPABLE.includes(name)
        ? [skip(`cannot be left out; ${quoted(SKIPPABLE, 'and')} can`)]
        : skipped && step.command !== undefined
          ? [skip('is skipped and has a command: remove one of them')]
          : []),
    ];
  });
}

function placeholdersOf(rule: Rule, step: PlaceholderStep, { command, env }: Record<string, unknown>, path: Path) {
  const texts: Array<[Path, unknown, { argument: boolean }]> = [
    ...(Array.isArray(command) ? command : []).map((text, index): [Path, unknown, { argument: boolean }] => [
      ['command', index],
      text,
      { argument: true },
    ]),
    ...Object.entries(isMapping(env) ? env : {}).map(([name, text]): [Path, unknown, { argument: boolean }] => [
      ['env', name],
      text,
      { argument: false },
    ]),
  ];
  return texts.flatMap(([at, text, options]) =>
    typeof text === 'string'
      ? placeholderProblems(step, text, options).map((message) => problem(rule, [...path, ...at], message))
      : [],
  );
}

interface Anchored {
  index: number;
  name: string;
  before?: string | undefined;
  after?: string | undefined;
}

function extraStepProblems(rule: Rule): Problem[] {
  const { extraSteps } = rule.settings;
  if (!Array.isArray(extraSteps)) return [];
  const steps = extraSteps.flatMap((step, index) => (isMapping(step) ? [{ ...step, index }] : []));
  return [
    ...steps.flatMap((step) => placeholdersOf(rule, 'extra', step, ['extraSteps', step.index])),
    ...orderProblems(rule, steps.filter(isAnchored)),
  ];
}

/** Each fault is told, mended in thought, and the next one looked for. */
function orderProblems(rule: Rule, steps: readonly Anchored[]): Problem[] {
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
    return [problem(rule, ['extraSteps', index, key], `${error.message}${meant}`), ...orderProblems(rule, mended)];
  }
}

function isAnchored(step: { index: number } & Record<string, unknown>): step is Anchored & Record<string, unknown> {
  const text = (value: unknown) => typeof value === 'string';
  return (
    text(step.name) && (text(step.before) ? step.after === undefined : step.before === undefined && text(step.after))
  );
}

function scheduleProblems(rule: Rule): Problem[] {
  const { schedules } = rule.settings;
  if (!isMapping(schedules)) return [];
  return Object.entries(schedules).flatMap(([name, schedule]) => {
    if (!isMapping(schedule)) return [];
    const workflow = String(schedule.workflow);
    return inputProblems(rule, workflow, schedule.input, ['schedules', name, 'input']);
  });
}

function stewardProblems(rule: Rule): Problem[] {
  const { steward } = rule.settings;
  return isMapping(steward) ? inputProblems(rule, 'retrain', steward.retrain, ['steward', 'retrain']) : [];
}

/** A wrong input would end every workflow that is started with it. */
function inputProblems(rule: Rule, workflow: string, input: unknown, path: Path): Problem[] {
  if (!Object.hasOwn(WORKFLOWS, workflow) || !isMapping(input)) return [];
  const { prefix, placeOf, settings } = rule;
  const schema = WORKFLOWS[workflow as keyof typeof WORKFLOWS].input;
  const issues = schema.safeParse(input).error?.issues ?? [];
  const wrong = explain(issues, { schema, settings: input, placeOf, prefix: [...prefix, ...path] });
  const models = isMapping(settings.models) ? Object.keys(settings.models) : [];
  const { registeredModel: name } = input;
  if (typeof name !== 'string' || models.length === 0 || models.includes(name)) return wrong;
  const message = `"${name}" is none of the models: ${models.join(', ')}${didYouMean(name, models)}`;
  return [...wrong, problem(rule, [...path, 'registeredModel'], message)];
}
