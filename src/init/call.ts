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
];
/** What a file with predictions is called. */
const LOG = /pred|log|current|served|production/i;
const REGISTER = /^(do_)?register(_model)?$/;
const CORES = /^(n_?jobs|n?_?threads?|num_threads|n_?cores)$/;
const WRITES =
  /^(out|output|dest|save|artifacts?|report|results?)(_?(dir|path|folder|file|name))?$|^(model|save)_(out|path|dir)$|^out_\w+$|_out$/;
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
    const isOption = /^--?[A-Za-z]/.test(word) || (facts.overrides && /^[\w.+~]+=/.test(word));
    if (!isOption) {
      position += 1;
      found.push({ option: positional[position - 1], position, flag: '', value: word, isAttached: false });
      continue;
    }
    const [flag = '', attached] = word.split(/=(.*)/s);
    const option = options.find((each) => each.flag === flag || each.flag === `${flag}=`);
    const next = args[at + 1];
    const isAlone =
      option?.isFlag ||
      next === undefined ||
      (/^--?[A-Za-z]/.test(next) && !option) ||
      (!option && attached === undefined && !flag.startsWith('--'));
    if (attached !== undefined) found.push({ option, position: undefined, flag, value: attached, isAttached: true });
    else if (isAlone) found.push({ option, position: undefined, flag, value: undefined, isAttached: false });
    else {
      found.push({ option, position: undefined, flag, value: next, isAttached: false });
      at += 1;
    }
  }
  return found;
}

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
  if (name === undefined)
    return place.replace(/\/\?$/, '').includes('?') ? undefined : join(cwd, place.replace(/\/\?$/, ''));
  const value = argument(name);
  return value === undefined
    ? undefined
    : /^[/\u27e8]|:\/\//.test(value)
      ? join0(value + rest)
      : join(cwd, value + rest);
}

const join0 = (path: string) =>
  path.includes('://') ? path : path.replace(/\/[^/]+\/\.\.(?=\/|$)/g, '').replace(/\/$/, '');

const argsOf = (run: Run | undefined) => run?.words.slice(run.head) ?? [];
/** Files with the configuration of a program: those that it is given, that it reads, and that the help of an option names. */
export function configsOf({ facts, options }: Program, run: Run | undefined, view: ProjectView): string[] {
  const named = [
    ...argsOf(run),
    ...options.flatMap(({ default: value, help }) => [String(value), ...mentioned(view, help)]),
    ...facts.reads,
    'params.yaml',
  ];
  return named.filter((path) => CONFIGURATION.test(path) && view.files.includes(path));
}

const CONFIGURATION = /\.(toml|ya?ml|json)$/;
/** Files of the project that a text names. */
const mentioned = (view: ProjectView, text: string) =>
  text === '' ? [] : view.files.filter((path) => !path.endsWith('.py') && text.includes(path));

/** The files that a program reads or writes in a run of it, those first that an argument names. */
export function filesOf(
  program: Program,
  run: Run | undefined,
  places: readonly string[],
  view: ProjectView,
): string[] {
  const given = segments(program, argsOf(run));
  const argument = (name: string) =>
    declaredValue(program, given, name) ?? configured(view, configsOf(program, run, view), name);
  const found = places.map((place) => filled(place, program.cwd, argument));
  return [...new Set(found.filter((path) => path !== undefined))];
}

/** The command with which a program does a step. */
export function callOf(request: CallRequest): Call {
  const { program, run, view } = request;
  const known: string[] = knownPlaceholders(request.step);
  const isKnown = (word: string) =>
    [...word.matchAll(/\u27e8([\w.]+)/g)].every(([, name = '']) =>
      known.includes(name.replace(/^params\..*/, 'params.NAME')),
    );
  const bindings = request.bindings.filter(([, stands]) => isKnown(stands));
  const given = segments(program, argsOf(run));
  const notes: string[] = [];
  const decided = new Map<string, string>();
  let seed: number | undefined;
  const decide = (option: Option | undefined, segment: Segment | undefined): string | true | undefined => {
    const made = decision({ ...request, bindings, option, segment, notes });
    const isOpen = typeof made === 'string' && !isKnown(made);
    if (isOpen)
      notes.push(
        `What ${option?.flag ?? option?.dest ?? 'an argument'} is in this step is not known: replace FILL_IN.`,
      );
    const value = isOpen ? 'FILL_IN' : made;
    const name = option?.dest ?? String(segment?.position ?? '');
    if (typeof value === 'string') decided.set(name, value);
    if (typeof value === 'string' && segment?.position) decided.set(String(segment.position), value);
    if (value === placeholder('seed')) seed = wholeNumber(segment?.value ?? option?.default);
    return value;
  };
  const told = given.flatMap((segment) => {
    const value = decide(segment.option, segment);
    return value === undefined ? [] : asWords(segment.option?.flag ?? segment.flag, value, segment.isAttached, program);
  });
  const others = program.options.filter(({ dest }) => !given.some(({ option }) => option?.dest === dest));
  const added = others.flatMap((option) => {
    const value = decide(option, undefined);
    return value === undefined ? [] : asWords(option.flag ?? '', value, false, program);
  });
  const missing = given.filter(({ position }) => position).length;
  const unnamed = program.options.length === 0 && program.facts.argv > missing ? program.facts.argv - missing : 0;
  const numbered = Array.from({ length: unnamed }, (_, index) => {
    const place = `<${missing + 1 + index}>`;
    const writes = places(program).includes(place);
    const made = writes ? outputFor(program, place.slice(1, -1), undefined) : request.input;
    if (isKnown(made) && (writes || program.facts.reads.includes(place))) {
      decided.set(place.slice(1, -1), made);
      return made;
    }
    notes.push(`It takes an argument ${missing + 1 + index} (sys.argv): replace FILL_IN.`);
    return 'FILL_IN';
  });
  const start = run ? run.words.slice(0, run.head) : program.words;
  return {
    words: [...start, ...told, ...added, ...numbered],
    cwd: run?.cwd ?? program.cwd,
    notes,
    seed,
    place: (place) =>
      filled(
        place,
        program.cwd,
        (name) =>
          decided.get(name) ??
          declaredValue(program, given, name) ??
          configured(view, configsOf(program, run, view), name),
      ),
  };
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

interface Decision extends CallRequest {
  option: Option | undefined;
  segment: Segment | undefined;
  notes: string[];
}

function decision({
  option,
  segment,
  step,
  program,
  params,
  bindings,
  input,
  notes,
  view,
}: Decision): string | true | undefined {
  const written = segment?.value !== undefined && !isTemplate(segment.value) ? segment.value : undefined;
  const value = written ?? (typeof option?.default === 'string' && option.default !== '' ? option.default : undefined);
  if (!option && step === 'monitor' && reads(program, String(segment?.position)) && LOG.test(value ?? ''))
    return placeholder('log');
  if (!option)
    return written === undefined
      ? segment?.value === undefined
        ? true
        : unknown(segment, notes)
      : bound(written, bindings, program.cwd);
  const name = folded(option.dest);
  const param = params.find((each) => each.option.dest === option.dest);
  if (param)
    return placeholder(
      param.fallback === null ? `params.${option.dest}` : `params.${option.dest}=${written ?? param.fallback}`,
    );
  if (option.isFlag) return REGISTER.test(name) ? step === 'train' || undefined : segment ? true : undefined;
  const known = knownPlaceholders(step);
  const meant = MEANINGS.find(([pattern, each]) => pattern.test(name) && known.includes(each))?.[1];
  if (meant) return placeholder(meant);
  if (CORES.test(name)) return placeholder(known.includes('parallel') ? 'parallel' : 'threads');
  if (name === 'model_name' && program.facts.registeredModels.includes(String(value)))
    return placeholder('registeredModel');
  if (value !== undefined) {
    const stands = bound(value, bindings, program.cwd);
    if (stands !== value) return stands;
    if (isPath(option) && step !== 'extra' && writesTo(program, option) && segment === undefined)
      return outputFor(program, option.dest, value);
    if (written !== undefined) return written;
  }
  if (written !== undefined) return written;
  if (!option.required || option.default !== null) {
    if (segment) notes.push(`${segment.flag || option.dest} ${segment.value} is known only there: it is left out.`);
    return undefined;
  }
  if (isPath(option) && writesTo(program, option)) return outputFor(program, option.dest, value);
  const [named, ...others] = mentioned(view, option.help);
  if (named && others.length === 0) return bound(named, bindings);
  if (isPath(option) && readsFrom(program, option)) return input;
  notes.push(`${option.flag ?? option.dest} must be given: replace FILL_IN${option.help ? ` (${option.help})` : ''}.`);
  return 'FILL_IN';
}

function unknown({ value, flag, position }: Segment, notes: string[]): string {
  notes.push(`${flag || `Argument ${position}`} was ${value}, which is known only there: replace FILL_IN.`);
  return 'FILL_IN';
}

/** What stands for a path, or for the file or folder that it lies in. */
function bound(value: string, bindings: readonly Binding[], cwd = ''): string {
  const path = /^\/|:\/\//.test(value) ? value : join(cwd, value);
  const [best] = bindings.filter(([known]) => within(path, known)).sort(([one], [other]) => other.length - one.length);
  return best ? best[1] + path.slice(best[0].length) : value;
}

const places = ({ facts: { writes, models, scores, appends } }: Program) => [
  ...models,
  ...Object.keys(scores),
  ...writes,
  ...appends,
];

/** Whether an option names what the program writes: by what it does with it, else by the option's name. */
function writesTo(program: Program, { dest }: Option): boolean {
  return (
    places(program).some((place) => place.startsWith(`<${dest}>`)) ||
    (WRITES.test(folded(dest)) && !reads(program, dest))
  );
}

function readsFrom(program: Program, { dest }: Option): boolean {
  return reads(program, dest) || READS.test(folded(dest));
}

/** Whether a program reads data that an argument must name, and nothing says which. */
export function wantsInput(program: Program, run: Run | undefined, view: ProjectView): boolean {
  const given = segments(program, argsOf(run));
  const isOpen = ({ dest, help }: Option) => !declaredValue(program, given, dest) && mentioned(view, help).length === 0;
  const options = program.options.filter((option) => option.required && isPath(option) && readsFrom(program, option));
  const places = program.facts.reads.filter((place) => /^<\d+>/.test(place));
  if (argsOf(run).includes(placeholder('data'))) return true;
  return options.some(isOpen) || places.some((place) => filesOf(program, run, [place], view).length === 0);
}

const reads = ({ facts }: Program, dest: string) => facts.reads.some((place) => place.startsWith(`<${dest}>`));

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

function asWords(flag: string, value: string | true, isAttached: boolean, { kind }: Program): string[] {
  if (kind === 'notebook' && flag !== '') return ['-p', flag, String(value)];
  if (value === true) return [flag];
  if (flag.endsWith('=')) return [flag + value];
  if (flag === '') return [value];
  return isAttached ? [`${flag}=${value}`] : [flag, value];
}

/** Words with our placeholders as the settings have them; braces that stand for themselves are doubled. */
export const settled = (word: string) =>
  word.replace(/[{}]/g, '$&$&').replaceAll('\u27e8', '{').replaceAll('\u27e9', '}');
