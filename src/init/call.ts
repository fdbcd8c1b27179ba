import { knownPlaceholders, type Placeholder } from '../config/placeholders.ts';
import type { StepName } from '../contracts/plans.ts';
import { placeholder, within } from './declared.ts';
import { configured, type Program } from './programs.ts';
import { isTemplate, join, type Run } from './shell.ts';
import { folded, type Option } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A path of the project, and what stands for it in a command of ours. */
export type Binding = readonly [path: string, stands: string];

/** What the command of a step is made from. */
export interface CallRequest {
  step: StepName | 'extra';
  program: Program;
  /** How it is declared to be run; absent: with its own defaults. */
  run: Run | undefined;
  view: ProjectView;
  bindings: readonly Binding[];
  /** Parameters of the search that the program takes, with the values of a training without a search. */
  params: ReadonlyArray<{ option: Option; fallback: string | null }>;
  /** What stands for data that an argument must name. */
  input: string;
}

export interface Call {
  words: string[];
  cwd: string;
  /** What a reader should know of it. */
  notes: string[];
  /** The seed that it has without us. */
  seed: number | undefined;
  /** A place of the program, such as `<out>/m.pkl`, as this call has it; undefined: it cannot be told. */
  place(place: string): string | undefined;
}

/** By the name of an option: what the step knows of it. Only what the step's table has is used. */
const MEANINGS: ReadonlyArray<readonly [RegExp, Placeholder]> = [
  [/^(random_)?(seed|state)$/, 'seed'],
  [/^(mlflow_)?experiment(_name)?$/, 'experiment'],
  [/^(mlflow_)?(tracking_)?uri$|^mlflow_(url|tracking)$/, 'trackingUri'],
  [/^(mlflow_)?registered_model(_name)?$|^register_as$/, 'registeredModel'],
  [/^(mlflow_)?run_id$/, 'runId'],
  [/^(n_?|num_|max_)?trials$|^max_evals$|^num_samples$/, 'trials'],
  [/^min_rows$/, 'minRows'],
  [/^(log|pred(iction)?s?_?log|predictions?|current)(_?(csv|path|file|dir))?$/, 'log'],
  ...(['parallel', 'threads'] as const).map((each) => [/^(n_?jobs|n?_?threads?|num_threads|n_?cores)$/, each] as const),
];
const REGISTER = /^(do_)?register(_model)?$/;
/** Where no source tells what is read, an option of such a name stands for the data. */
const READS =
  /^(data|input|in|csv|raw|source|src|dataset|splits?|features|train|table|processed)(_?(csv|data|path|dir|file|folder|root))*$|^(in|input|data|train|raw)_\w+$/;

/** Words of a command line that belong together: an option with its value, or an argument by its place. */
interface Segment {
  option: Option | undefined;
  /** 1 for the first argument that no option takes. */
  position: number | undefined;
  flag: string;
  value: string | undefined;
  isAttached: boolean;
}

function segments({ options, facts }: Program, args: readonly string[]): Segment[] {
  const found: Segment[] = [];
  const positional = options.filter(({ flag }) => flag === null);
  let position = 0;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (!/^--?[A-Za-z]/.test(word) && !(facts.overrides && /^[\w.+~]+=/.test(word))) {
      position += 1;
      found.push({ option: positional[position - 1], position, flag: '', value: word, isAttached: false });
      continue;
    }
    const [flag = '', attached] = word.split(/=(.*)/s);
    const option = options.find((each) => each.flag === flag || each.flag === `${flag}=`);
    const next = args[at + 1];
    const isAlone =
      attached !== undefined ||
      option?.isFlag ||
      (!option && (/^--?[A-Za-z]/.test(next ?? '') || !flag.startsWith('--')));
    found.push({
      ...{ option, position: undefined, flag, isAttached: attached !== undefined },
      value: isAlone ? attached : next,
    });
    if (!isAlone) at += 1;
  }
  return found;
}

const argsOf = (run: Run | undefined) => run?.words.slice(run.head) ?? [];

/** The value that an argument has in a run of the program: as it is declared, else its default. */
function declaredValue({ options }: Program, given: readonly Segment[], name: string): string | undefined {
  const segment = given.find(({ option, position }) => option?.dest === name || String(position) === name);
  if (segment?.value !== undefined && !isTemplate(segment.value)) return segment.value;
  const fallback = options.find(({ dest }) => dest === name)?.default;
  return typeof fallback === 'string' && fallback !== '' ? fallback : undefined;
}

/** A place of the program with its argument filled in; undefined when that cannot be told. */
function filled(place: string, cwd: string, argument: (name: string) => string | undefined): string | undefined {
  const [, name, rest = ''] = /^<([^>]+)>(.*?)(?:\/\?)?$/s.exec(place) ?? [];
  const fixed = place.replace(/\/\?$/, '');
  if (name === undefined) return fixed.includes('?') ? undefined : join(cwd, fixed);
  const value = argument(name);
  if (value === undefined || value.includes('://')) return value && value + rest;
  const path = value + rest;
  if (!/^[/\u27e8]/.test(value)) return join(cwd, path);
  return path.replace(/\/[^/]+\/\.\.(?=\/|$)/g, '').replace(/\/$/, '');
}

const CONFIGURATION = /\.(toml|ya?ml|json)$/;
/** Files of the project that a text names. */
const mentioned = (view: ProjectView, text: string) =>
  text === '' ? [] : view.files.filter((path) => !path.endsWith('.py') && text.includes(path));

/** Files with the configuration of a program: those that it is given, that it reads, and that the help of an option names. */
export function configsOf({ facts, options }: Program, run: Run | undefined, view: ProjectView): string[] {
  const named = options.flatMap(({ default: value, help }) => [String(value), ...mentioned(view, help)]);
  const all = [...argsOf(run), ...named, ...facts.reads, 'params.yaml'];
  return all.filter((path) => CONFIGURATION.test(path) && view.files.includes(path));
}

/** What an argument is in a run, or is called in the configuration of the program. */
function argumentsOf(program: Program, run: Run | undefined, view: ProjectView) {
  const given = segments(program, argsOf(run));
  const configs = configsOf(program, run, view);
  return (name: string) => declaredValue(program, given, name) ?? configured(view, configs, name);
}

/** The files that a program reads or writes in a run of it, those first that an argument names. */
export function filesOf(
  program: Program,
  run: Run | undefined,
  places: readonly string[],
  view: ProjectView,
): string[] {
  const argument = argumentsOf(program, run, view);
  const found = places.map((place) => filled(place, program.cwd, argument));
  return [...new Set(found.filter((path) => path !== undefined))];
}

/** The command with which a program does a step. */
export function callOf({ step, program, run, view, params, input, ...request }: CallRequest): Call {
  const { facts, options, cwd } = program;
  const known: string[] = knownPlaceholders(step);
  const isKnown = (word: string) =>
    [...word.matchAll(/\u27e8([\w.]+)/g)].every(([, name = '']) =>
      known.includes(name.replace(/^params\..*/, 'params.NAME')),
    );
  const bindings = request.bindings.filter(([, stands]) => isKnown(stands));
  const given = segments(program, argsOf(run));
  const notes: string[] = [];
  const decided = new Map<string, string>();
  let seed: number | undefined;

  /** What stands for an argument; true: it has no value; undefined: it is left out. */
  const decision = (option: Option | undefined, segment: Segment | undefined): string | true | undefined => {
    const written = segment?.value !== undefined && !isTemplate(segment.value) ? segment.value : undefined;
    const open = (why: string) => {
      notes.push(`${why}: replace FILL_IN${option?.help ? ` (${option.help})` : ''}.`);
      return 'FILL_IN';
    };
    if (!option) {
      if (segment?.value === undefined) return true;
      if (written !== undefined) return bound(written, bindings, cwd);
      return open(`${segment.flag || `Argument ${segment.position}`} was ${segment.value}, which is known only there`);
    }
    const { dest, help, isFlag } = option;
    const name = folded(dest);
    const param = params.find((each) => each.option.dest === dest);
    if (param) return placeholder(`params.${dest}${param.fallback === null ? '' : `=${written ?? param.fallback}`}`);
    if (isFlag) return (REGISTER.test(name) ? step === 'train' : segment !== undefined) || undefined;
    const meant = MEANINGS.find(([pattern, each]) => pattern.test(name) && known.includes(each))?.[1];
    if (meant) return placeholder(meant);
    const fallback = typeof option.default === 'string' && option.default !== '' ? option.default : undefined;
    const value = written ?? fallback;
    const writes = isPath(option) && places(program).some((place) => place.startsWith(`<${dest}>`));
    if (name === 'model_name' && facts.registeredModels.includes(String(value))) return placeholder('registeredModel');
    if (value !== undefined) {
      const stands = bound(value, bindings, cwd);
      if (stands !== value) return stands;
      if (writes && step !== 'extra' && segment === undefined) return outputFor(program, dest, value);
    }
    if (written !== undefined) return written;
    if (!option.required || option.default !== null) {
      if (segment) notes.push(`${segment.flag || dest} ${segment.value} is known only there: it is left out.`);
      return undefined;
    }
    if (writes) return outputFor(program, dest, value);
    const [named, ...others] = mentioned(view, help);
    if (named && others.length === 0) return bound(named, bindings);
    return isPath(option) && readsFrom(program, option) ? input : open(`${option.flag ?? dest} must be given`);
  };
  const decide = (option: Option | undefined, segment: Segment | undefined): string[] => {
    const made = decision(option, segment);
    const isOpen = typeof made === 'string' && !isKnown(made);
    const flag = option?.flag ?? segment?.flag ?? '';
    if (isOpen)
      notes.push(`What ${flag || (option?.dest ?? 'an argument')} is in this step is not known: replace FILL_IN.`);
    const value = isOpen ? 'FILL_IN' : made;
    if (value === undefined) return [];
    const names = [option?.dest ?? '', segment?.position ? String(segment.position) : ''];
    if (value !== true) for (const name of names.filter(Boolean)) decided.set(name, value);
    if (value === placeholder('seed')) seed = wholeNumber(segment?.value ?? option?.default);
    if (program.kind === 'notebook' && flag !== '') return ['-p', flag, String(value)];
    if (value === true) return [flag];
    if (flag === '' || flag.endsWith('=')) return [flag + value];
    return segment?.isAttached ? [`${flag}=${value}`] : [flag, value];
  };
  const told = given.flatMap((segment) => decide(segment.option, segment));
  const others = options.filter(({ dest }) => !given.some(({ option }) => option?.dest === dest));
  const added = others.flatMap((option) => decide(option, undefined));
  // What the source takes by its place (sys.argv), and no run shows.
  const shown = given.filter(({ position }) => position).length;
  const numbered = Array.from({ length: options.length > 0 ? 0 : Math.max(0, facts.argv - shown) }, (_, index) => {
    const at = String(shown + 1 + index);
    const writes = places(program).includes(`<${at}>`);
    const made = writes ? outputFor(program, at, undefined) : input;
    const isTold = isKnown(made) && (writes || facts.reads.includes(`<${at}>`));
    if (isTold) decided.set(at, made);
    else notes.push(`It takes an argument ${at} (sys.argv): replace FILL_IN.`);
    return isTold ? made : 'FILL_IN';
  });
  const declared = argumentsOf(program, run, view);
  return {
    words: [...(run ? run.words.slice(0, run.head) : program.words), ...told, ...added, ...numbered],
    ...{ cwd: run?.cwd ?? cwd, notes, seed },
    place: (place) => filled(place, cwd, (name) => decided.get(name) ?? declared(name)),
  };
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

/** What stands for a path, or for the file or folder that it lies in. */
function bound(value: string, bindings: readonly Binding[], cwd = ''): string {
  const path = /^\/|:\/\//.test(value) ? value : join(cwd, value);
  const [best] = bindings.filter(([known]) => within(path, known)).sort(([one], [other]) => other.length - one.length);
  return best ? best[1] + path.slice(best[0].length) : value;
}

const places = ({ facts: { writes, models, scores, appends } }: Program) => [
  ...[...models, ...Object.keys(scores)],
  ...[...writes, ...appends],
];

/** Whether an option names what the program reads: by what it does with it, else by the option's name. */
const readsFrom = (program: Program, { dest }: Option) =>
  program.facts.reads.some((place) => place.startsWith(`<${dest}>`)) || READS.test(folded(dest));

/** Whether a program reads data that an argument must name, and nothing says which. */
export function wantsInput(program: Program, run: Run | undefined, view: ProjectView): boolean {
  const given = segments(program, argsOf(run));
  const isOpen = ({ dest, help }: Option) => !declaredValue(program, given, dest) && mentioned(view, help).length === 0;
  const options = program.options.filter((option) => option.required && isPath(option) && readsFrom(program, option));
  const numbered = program.facts.reads.filter((place) => /^<\d+>/.test(place));
  if (argsOf(run).includes(placeholder('data'))) return true;
  return options.some(isOpen) || numbered.some((place) => filesOf(program, run, [place], view).length === 0);
}

/** Where a command writes: a file keeps its name. */
function outputFor(program: Program, dest: string, value: string | undefined): string {
  const isFile = places(program).includes(`<${dest}>`) || /\.\w+$/.test(value ?? '');
  const usual = program.facts.models.includes(`<${dest}>`) ? 'model.pkl' : 'data.csv';
  return isFile ? `${placeholder('output')}/${value?.split('/').at(-1) || usual}` : placeholder('output');
}

function isPath({ type, default: value, choices, isFlag }: Option): boolean {
  const text = !['int', 'float', 'bool'].includes(type ?? '') && (value === null || typeof value === 'string');
  return text && choices.length === 0 && !isFlag;
}

/** Words with our placeholders as the settings have them; braces that stand for themselves are doubled. */
export const settled = (word: string) =>
  word.replace(/[{}]/g, '$&$&').replaceAll('\u27e8', '{').replaceAll('\u27e9', '}');
