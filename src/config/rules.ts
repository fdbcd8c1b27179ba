import { STEPS, type StepName } from '../contracts/plans.ts';
import { isMapping, type Path, schemaAt, valueAt } from '../contracts/schemas.ts';
import { WORKFLOWS } from '../contracts/workflows.ts';
import { didYouMean, quoted } from '../words/suggest.ts';
import { extraStepFaults } from './extraSteps.ts';
import { namedGpus } from './gpus.ts';
import { isLoopback } from './network.ts';
import {
  API_PLACEHOLDERS,
  type ApiPlaceholder,
  apiPlaceholderProblems,
  type PlaceholderStep,
  parsePlaceholders,
  placeholderProblems,
} from './placeholders.ts';
import { explain, type PlaceOf, type Problem, problemAt } from './problems.ts';
import { ConfigSchema } from './schema.ts';

/** Settings as they were written; they may be wrong otherwise. */
interface Written {
  settings: Record<string, unknown>;
  placeOf: PlaceOf;
  /** Where in the file they stand. */
  prefix: Path;
  /** All settings that apply there: of a model, its own over those of the file. */
  merged: Record<string, unknown>;
}

function problemOf({ prefix, placeOf }: Written, path: Path, message: string, part?: 'key' | 'value'): Problem {
  return problemAt(placeOf, [...prefix, ...path], message, part);
}

/** Faults that no single setting shows: settings that do not go together. */
export function checkTogether(written: Written): Problem[] {
  return [
    ...numberProblems(written),
    ...stepProblems(written),
    ...extraStepProblems(written),
    ...apiProblems(written, 'deployment', API_PLACEHOLDERS),
    ...apiProblems(written, 'docker', ['model', 'version', 'runId']),
    ...scheduleProblems(written),
    ...stewardProblems(written),
    ...adminPortProblems(written),
  ];
}

function extraStepProblems(written: Written): Problem[] {
  const { extraSteps } = written.settings;
  if (!Array.isArray(extraSteps)) return [];
  const steps = extraSteps.flatMap((step, index) => (isMapping(step) ? [{ ...step, index }] : []));
  const anchored = steps.filter(isAnchored);
  return [
    ...steps.flatMap((step) => [
      ...commandProblems(written, 'extra', step, ['extraSteps', step.index]),
      ...gpuProblems(written, step, ['extraSteps', step.index]),
    ]),
    ...extraStepFaults(anchored).map(({ index, key, message }) =>
      problemOf(written, ['extraSteps', (anchored[index] as Anchored).index, key], message),
    ),
  ];
}

/** An extra step whose name and one anchor are texts; what is wrong with others, the schema says. */
type Anchored = { index: number; name: string; before?: string; after?: string } & Record<string, unknown>;

function isAnchored(step: { index: number } & Record<string, unknown>): step is Anchored {
  const anchors = [step.before, step.after].filter((anchor) => anchor !== undefined);
  return typeof step.name === 'string' && anchors.length === 1 && typeof anchors[0] === 'string';
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
  const { registeredModel: name, undeclared } = input;
  const models = declaredIn(settings);
  // What a model says itself stands below the file's list of models.
  if (typeof name !== 'string' || undeclared === true || prefix.length > 0 || models.includes(name)) return wrong;
  const message = `"${name}" is none of the models: ${models.join(', ')}${didYouMean(name, models)}`;
  return [...wrong, problemOf(written, [...path, 'registeredModel'], message)];
}

function declaredIn({ models, registry }: Record<string, unknown>): string[] {
  if (isMapping(models) && Object.keys(models).length > 0) return Object.keys(models);
  const name = isMapping(registry) ? registry.registeredModel : undefined;
  return [typeof name === 'string' ? name : ConfigSchema.parse({}).registry.registeredModel];
}

/** Placeholders of the API: in the command and the environment of its process, in the environment of its container. */
function apiProblems(written: Written, section: 'deployment' | 'docker', known: readonly ApiPlaceholder[]): Problem[] {
  const settings = written.settings[section];
  if (!isMapping(settings)) return [];
  return textsOf(settings).flatMap(({ at, text }) =>
    apiPlaceholderProblems(text, known).map((message) => problemOf(written, [section, ...at], message)),
  );
}

type Step = Record<string, unknown>;

/** Steps that a project may do without. */
const SKIPPABLE: readonly StepName[] = ['prepare', 'search', 'trial', 'evaluate', 'report', 'monitor'];

/** Faults in steps: in what is skipped, in placeholders, in where results are looked for. */
function stepProblems(written: Written): Problem[] {
  const { steps } = written.settings;
  if (!isMapping(steps)) return [];
  return STEPS.flatMap((name) => {
    const step = steps[name];
    if (!isMapping(step)) return [];
    const path = ['steps', name];
    return [
      ...skipProblems(written, name, step),
      ...commandProblems(written, name, step, path),
      ...gpuProblems(written, step, path),
      ...(name === 'trial' ? parameterProblems(written, step, path) : []),
    ];
  });
}

function skipProblems(written: Written, name: StepName, { skip, command }: Step): Problem[] {
  if (skip !== true) return [];
  const problem = (message: string) => [problemOf(written, ['steps', name, 'skip'], message, 'key')];
  if (!SKIPPABLE.includes(name)) return problem(`cannot be left out; ${quoted(SKIPPABLE, 'and')} can`);
  return command === undefined ? [] : problem('is skipped and has a command: remove one of them');
}

/** Faults in the command of a step or of an extra step. */
function commandProblems(written: Written, step: PlaceholderStep, settings: Step, path: Path): Problem[] {
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

/** GPUs that nobody would get. */
function gpuProblems(written: Written, { gpus, command, env }: Step, path: Path): Problem[] {
  if (typeof gpus !== 'number' || gpus < 1) return [];
  const problem = (message: string) => [problemOf(written, [...path, 'gpus'], message)];
  if (command === undefined) return problem('needs a command: the bundled steps use no GPU');
  if (isMapping(env) && Object.hasOwn(env, 'CUDA_VISIBLE_DEVICES'))
    return problem('gives it GPUs, and so does its env.CUDA_VISIBLE_DEVICES: remove one of them');
  const { gpus: setting = 'auto' } = ConfigSchema.shape.worker.safeParse(written.merged.worker).data ?? {};
  const all = namedGpus(setting);
  return all && gpus > all.length ? problem(`is ${gpus}, and worker.gpus has ${all.length}`) : [];
}

interface Text {
  at: Path;
  text: string;
  /** Whether it is an argument, which `{params}` may stand for. */
  argument: boolean;
}

/** Where a step's results are, beside its command: a path may have placeholders. */
const PATHS = ['file', 'directory', 'modelFile'];

function textsOf({ command, env, outputs }: Step): Text[] {
  const args = (Array.isArray(command) ? command : []).map((text, index) => ({ at: ['command', index], text }));
  const variables = Object.entries(isMapping(env) ? env : {}).map(([name, text]) => ({ at: ['env', name], text }));
  const paths = PATHS.map((name) => ({ at: ['outputs', name], text: isMapping(outputs) ? outputs[name] : undefined }));
  return [...args, ...variables, ...paths].flatMap(({ at, text }) =>
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
function requiredParameters(text: string): string[] {
  try {
    return parsePlaceholders(text).flatMap((piece) =>
      'name' in piece && piece.otherwise === undefined && /^params\.(?!json$)/.test(piece.name)
        ? [piece.name.slice('params.'.length)]
        : [],
    );
  } catch {
    // placeholderProblems reports a text that cannot be read.
    return [];
  }
}

const ADMIN_PORT: Path = ['stack', 'apiAdminPort'];

/** Who reads the admin port's traffic has its token, and with it the API. */
function adminPortProblems(written: Written): Problem[] {
  const { bind, adminCertFile, adminKeyFile, adminTokenInClear } =
    ConfigSchema.shape.stack.safeParse(written.merged.stack).data ?? {};
  if (bind === undefined || isLoopback(bind) || (adminCertFile && adminKeyFile) || adminTokenInClear) return [];
  const message =
    `would listen on ${bind} without TLS, and its token could be read on the way: set stack.adminCertFile and ` +
    'stack.adminKeyFile, or stack.adminTokenInClear where that network is yours alone';
  return problemAtWritten(written, [ADMIN_PORT], message);
}

/** Numbers that are allowed each by itself, and that a bundled step refuses together. */
function numberProblems(written: Written): Problem[] {
  return [...splitProblems(written), ...windowProblems(written)];
}

const TEST: Path = ['data', 'testFraction'];
const VALIDATION: Path = ['data', 'validationFraction'];

function splitProblems(written: Written): Problem[] {
  const [test, validation] = [numberAt(written, TEST), numberAt(written, VALIDATION)];
  if (!isBundled(written, 'prepare') || test === undefined || validation === undefined) return [];
  if (test + validation < 1) return [];
  const message = `testFraction ${test} and validationFraction ${validation} leave nothing to train on: together they must be below 1`;
  return problemAtWritten(written, [VALIDATION, TEST], message);
}

const CURRENT_ROWS: Path = ['monitoring', 'currentRows'];
const MIN_ROWS: Path = ['monitoring', 'minRows'];

function windowProblems(written: Written): Problem[] {
  const [current, least] = [numberAt(written, CURRENT_ROWS), numberAt(written, MIN_ROWS)];
  const byRows = valueAt(written.merged, ['monitoring', 'currentHours']) === undefined;
  if (!isBundled(written, 'monitor') || !byRows || current === undefined || least === undefined) return [];
  if (least <= current) return [];
  const message = `a window of ${current} rows (currentRows) never has the ${least} that a check needs (minRows)`;
  return problemAtWritten(written, [MIN_ROWS, CURRENT_ROWS], message);
}

/** A number as it is used, default included; undefined when it is wrong by itself. */
function numberAt({ merged }: Written, path: Path): number | undefined {
  const { data } = schemaAt(ConfigSchema, merged, path)?.safeParse(valueAt(merged, path)) ?? {};
  return typeof data === 'number' ? data : undefined;
}

/** A project's own command may make anything of the numbers. */
function isBundled({ merged }: Written, name: StepName): boolean {
  const step = valueAt(merged, ['steps', name]);
  return !isMapping(step) || (step.command === undefined && step.skip !== true);
}

/** At the first of the settings that stands here; where none does, the problem is one of the file's common settings. */
function problemAtWritten(written: Written, paths: readonly Path[], message: string): Problem[] {
  const path = paths.find((one) => valueAt(written.settings, one) !== undefined);
  return path ? [problemOf(written, path, message)] : [];
}
