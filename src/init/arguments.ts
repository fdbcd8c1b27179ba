import { knownPlaceholders, type Placeholder } from '../config/placeholders.ts';
import type { StepName } from '../contracts/plans.ts';
import type { Script } from './scripts.ts';
import { isTemplate } from './shell.ts';
import type { Option } from './sources.ts';

/** What the command of a step is made from. */
interface CommandRequest {
  step: StepName;
  script: Script;
  /** Parameters of the search that the script takes, with the values of a training without a search. */
  params: ReadonlyArray<{ option: Option; fallback: string | null }>;
  /** Whether the step prepare hands its data over in a folder of the run. */
  dataset: boolean;
  /** Folder to which the preparing script writes by default; what lies there is in {dataset}. */
  preparedIn: string | null;
}

export interface Arguments {
  args: string[];
  /** What a reader should know of them. */
  notes: string[];
  /** File that it is told to write its model to, if it is. */
  output: string | null;
  /** The seed that it has without us. */
  seed: number | undefined;
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
const REGISTER = /^(do_)?register(_model)?$/;
const CORES = /^(n_?jobs|n?_?threads?|num_threads|n_?cores)$/;

/** The arguments with which a script does a step. */
export function argumentsOf(wanted: CommandRequest): Arguments {
  const result: Arguments = { args: [], notes: [], output: null, seed: undefined };
  const written = writtenArguments(wanted.script);
  for (const option of wanted.script.options) {
    const value = argumentOf(option, wanted, written, result.notes);
    if (value === undefined) continue;
    if (typeof value === 'string' && value.startsWith('{output}/')) result.output = value;
    if (value === '{seed}') result.seed = wholeNumber(written.get(option.dest) ?? option.default);
    result.args.push(...asWords(wanted.script, option, value));
  }
  return result;
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

/** Arguments with which a DAG, a workflow or the documentation starts the script, by option. */
function writtenArguments({ usages, options }: Script): ReadonlyMap<string, string | true> {
  const found = new Map<string, string | true>();
  const words = usages.find(({ args }) => args.length > 0)?.args ?? [];
  for (const [index, word] of words.entries()) {
    const [flag, attached] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const option = options.find((each) => each.flag === flag);
    if (!option) continue;
    const next = attached ?? words[index + 1];
    if (option.isFlag || next === undefined) found.set(option.dest, true);
    else if (!isTemplate(next)) found.set(option.dest, next);
  }
  return found;
}

type Value = string | true | undefined;

function argumentOf(
  option: Option,
  wanted: CommandRequest,
  written: ReadonlyMap<string, string | true>,
  notes: string[],
): Value {
  const { step, params } = wanted;
  const name = option.dest.toLowerCase().replaceAll('-', '_');
  const param = params.find((each) => each.option.dest === option.dest);
  if (param) return param.fallback === null ? `{params.${option.dest}}` : `{params.${option.dest}=${param.fallback}}`;
  if (option.isFlag) {
    if (REGISTER.test(name)) return step === 'train' ? true : undefined;
    return written.get(option.dest) === true ? true : undefined;
  }
  const known = placeholder(name, option, wanted);
  if (known) return known;
  const value = written.get(option.dest);
  // A value that is the default anyway needs not be said.
  if (typeof value === 'string' && value !== String(option.default)) return escaped(value);
  if (!option.required || option.default !== null) return undefined;
  if (option.choices.length > 0) return escaped(String(option.choices[0]));
  notes.push(`${option.flag ?? option.dest} must be given: replace FILL_IN${option.help ? ` (${option.help})` : ''}`);
  return 'FILL_IN';
}

function placeholder(
  name: string,
  option: Option,
  { step, script, dataset, preparedIn }: CommandRequest,
): string | undefined {
  const known = knownPlaceholders(step);
  const meant = MEANINGS.find(([pattern, each]) => pattern.test(name) && known.includes(each))?.[1];
  if (meant) return `{${meant}}`;
  if (CORES.test(name)) return known.includes('parallel') ? '{parallel}' : '{threads}';
  if (name === 'model_name' && script.facts.registeredModels.includes(String(option.default)))
    return '{registeredModel}';
  if (namesOutput(option)) return step === 'prepare' && !dataset ? undefined : outputOf(option);
  if (!namesInput(option) || !known.includes('data')) return undefined;
  if (step === 'prepare' || !dataset) return isFolderOfPrepare(option, preparedIn) ? undefined : '{data}';
  return datasetOf(option, preparedIn);
}

/** Where a command writes: a file keeps its name. */
function outputOf({ default: value }: Option): string {
  const name = typeof value === 'string' ? value.split('/').at(-1) : undefined;
  return name && /\.\w+$/.test(name) ? `{output}/${name}` : '{output}';
}

/** The same file or folder among those that prepare made. */
function datasetOf({ default: value, dest }: Option, preparedIn: string | null): string {
  if (typeof value !== 'string') return '{dataset}';
  const own = value.replace(/\/$/, '');
  if (preparedIn && own.startsWith(`${preparedIn}/`)) return `{dataset}/${own.slice(preparedIn.length + 1)}`;
  const file = own.split('/').at(-1) ?? '';
  return /\.\w+$/.test(file) && !/dir|folder/.test(dest) ? `{dataset}/${file}` : '{dataset}';
}

const isFolderOfPrepare = ({ default: value }: Option, preparedIn: string | null) =>
  typeof value === 'string' && preparedIn !== null && (value === preparedIn || value.startsWith(`${preparedIn}/`));

/** Braces that stand for themselves are doubled. */
const escaped = (text: string) => text.replace(/[{}]/g, '$&$&');

function asWords({ kind }: Script, { flag }: Option, value: string | true): string[] {
  if (kind === 'notebook') return ['-p', flag ?? '', String(value)];
  if (value === true) return [flag ?? ''];
  return flag === null ? [value] : [flag, value];
}

const WRITES =
  /^(out|output|dest|save|artifacts?|report|results?)(_?(dir|path|folder|file|name))?$|^(model|save)_(out|path|dir)$|^out_\w+$|_out$/;
const READS =
  /^(data|input|in|csv|raw|source|src|dataset|splits?|features|train|processed)(_?(csv|data|path|dir|file|folder|root))*$|^(in|input|data|train|raw)_\w+$/;

/** Whether an option names what the script writes, by its own name. */
export const namesOutput = (option: Option) => isPath(option) && WRITES.test(option.dest.toLowerCase());

/** Whether an option names the data that the script reads. */
export const namesInput = (option: Option) =>
  isPath(option) && !namesOutput(option) && READS.test(option.dest.toLowerCase());

function isPath({ type, default: value, choices, isFlag }: Option): boolean {
  const text = !['int', 'float', 'bool'].includes(type ?? '') && (value === null || typeof value === 'string');
  return text && choices.length === 0 && !isFlag;
}
