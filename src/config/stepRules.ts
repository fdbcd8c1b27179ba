import { STEPS, type StepName } from '../contracts/plans.ts';
import { valueAt } from '../contracts/schemas/shape.ts';
import { didYouMean, quoted } from '../words/suggest.ts';
import { type PlaceholderStep, parsePlaceholders, placeholderProblems } from './placeholders.ts';
import { type Path, type Place, type Problem, pathText } from './problems.ts';
import { isMapping } from './values.ts';

/** Settings as they were written; they may be wrong otherwise. */
export interface Written {
  settings: Record<string, unknown>;
  placeOf(path: Path, part?: 'key' | 'value'): Place;
  /** Where in the file they stand. */
  prefix: Path;
  /** All settings that hold where they do: of a model, its own over those of the file. */
  merged: Record<string, unknown>;
}

export function problemOf({ prefix, placeOf }: Written, path: Path, message: string, part?: 'key' | 'value'): Problem {
  const whole = [...prefix, ...path];
  return { ...placeOf(whole, part), path: pathText(whole), message };
}

type Step = Record<string, unknown>;

/** Steps that a project may do without. */
const SKIPPABLE: readonly StepName[] = ['prepare', 'search', 'trial', 'evaluate', 'monitor'];

/** What is wrong with the steps: with what is skipped, with placeholders, and with where results are looked for. */
export function stepProblems(written: Written): Problem[] {
  const { steps } = written.settings;
  if (!isMapping(steps)) return [];
  return STEPS.flatMap((name) => {
    const step = steps[name];
    if (!isMapping(step)) return [];
    const path = ['steps', name];
    return [
      ...skipProblems(written, name, step),
      ...commandProblems(written, name, step, path),
      ...(name === 'trial' ? parameterProblems(written, step, path) : []),
    ];
  });
}

function skipProblems(written: Written, name: StepName, { skip, command }: Step): Problem[] {
  if (skip !== true && skip !== 'true') return [];
  const problem = (message: string) => [problemOf(written, ['steps', name, 'skip'], message, 'key')];
  if (!SKIPPABLE.includes(name)) return problem(`cannot be left out; ${quoted(SKIPPABLE, 'and')} can`);
  return command === undefined ? [] : problem('is skipped and has a command: remove one of them');
}

/** What is wrong with a command of the project, be it a step or an extra step. */
export function commandProblems(written: Written, step: PlaceholderStep, settings: Step, path: Path): Problem[] {
  const { outputs } = settings;
  const pattern =
    isMapping(outputs) && typeof outputs.pattern === 'string' ? patternProblem(outputs.pattern) : undefined;
  return [
    ...textsOf(settings).flatMap(({ at, text, argument }) =>
      placeholderProblems(step, text, { argument }).map((message) => problemOf(written, [...path, ...at], message)),
    ),
    ...(pattern ? [problemOf(written, [...path, 'outputs', 'pattern'], pattern)] : []),
  ];
}

interface Text {
  at: Path;
  text: string;
  /** Whether it is an argument, which `{params}` may stand for. */
  argument: boolean;
}

function textsOf({ command, env }: Step): Text[] {
  const args = (Array.isArray(command) ? command : []).map((text, index) => ({ at: ['command', index], text }));
  const variables = Object.entries(isMapping(env) ? env : {}).map(([name, text]) => ({ at: ['env', name], text }));
  return [...args, ...variables].flatMap(({ at, text }) =>
    typeof text === 'string' ? [{ at, text, argument: at[0] === 'command' }] : [],
  );
}

/** The notation is JavaScript's or Python's. */
function patternProblem(pattern: string): string | undefined {
  const named = pattern.replaceAll('(?P<', '(?<');
  try {
    new RegExp(named);
  } catch (error) {
    return `is not a regular expression: ${(error as Error).message}`;
  }
  return /\(\?<[A-Za-z_$]/.test(named)
    ? undefined
    : 'has no named group: write (?<auc>[\\d.]+) where the metric "auc" stands';
}

/** A trial asks for a parameter that the search does not propose. */
function parameterProblems(written: Written, step: Step, path: Path): Problem[] {
  const space = valueAt(written.merged, ['search', 'space']);
  if (!isMapping(space)) return [];
  const known = Object.keys(space);
  return textsOf(step).flatMap(({ at, text }) =>
    requiredParameters(text)
      .filter((name) => !known.some((other) => folded(other) === folded(name)))
      .map((name) => {
        const message = `{params.${name}} is no parameter of search.space, which has ${known.join(', ')}${didYouMean(name, known)}`;
        return problemOf(written, [...path, ...at], message);
      }),
  );
}

/** Scripts take `--n-estimators` and log `n_estimators`: both are one parameter. */
const folded = (name: string) => name.replaceAll('-', '_');

/** Parameters without which a text cannot be filled. */
export function requiredParameters(text: string): string[] {
  try {
    return parsePlaceholders(text).flatMap((piece) =>
      'name' in piece && piece.otherwise === undefined && /^params\.(?!json$)/.test(piece.name)
        ? [piece.name.slice('params.'.length)]
        : [],
    );
  } catch {
    // A text that cannot be read is told elsewhere.
    return [];
  }
}
