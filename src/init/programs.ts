import { posix } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../contracts/text.ts';
import { type Dag, taskOf } from './automation.ts';
import { placeholder, reach, subcommandsOf, tomlOf, yamlOf } from './declared.ts';
import { join, type Run, subcommandOf } from './shell.ts';
import { type Doing, type Facts, type Option, optionOf } from './sources.ts';
import type { ProjectView } from './view.ts';

/** A program of the project that could be a step: a source, a notebook, or a task that calls a function. */
export interface Program extends Classified {
  kind: 'python' | 'notebook' | 'task';
  /** Its path; of a task, its DAG and name. */
  path: string;
  /** How it is started, without arguments. */
  words: string[];
  /** Folder of the project in which it runs; '' for the project itself. */
  cwd: string;
  facts: Doing;
  options: readonly Option[];
  /** Where it is run, those that declare most first. */
  runs: Run[];
  /** Why it must not be a step: what it would do to the project; null: nothing. */
  harm: string | null;
}

/** Programs that are no step: tests, packaging, DAGs, the API. */
const NOT_A_STEP =
  /(^|\/)(tests?|docs?|dags|examples?)\/|(^|\/)(test_[^/]*|[^/]*_test|conftest|setup|manage|noxfile|wsgi|asgi|__init__)\.py$/;
const SERVES = /^(uvicorn|fastapi|flask|django|gunicorn|bentoml|ray\.serve|streamlit|gradio)\b/;

/** The programs of a project, each with what it is for and how it is started. */
export function detectPrograms(
  view: ProjectView,
  facts: ReadonlyMap<string, Facts>,
  runs: readonly Run[],
  dags: readonly Dag[],
): Program[] {
  const of = (path: string) => runs.filter(({ script }) => script === path);
  const sources = [...facts].flatMap(([path, own]): Program[] => {
    const subcommands = subcommandsOf(own.commands).map((name) => [name, subcommandOf(path, name)] as const);
    if (!path.endsWith('.py') || !isProgram(path, own, [path, ...subcommands.map(([, each]) => each)].flatMap(of)))
      return [];
    const program = (path: string, start: string[], does: Doing, [first, ...others] = of(path)) => {
      const options = own.overrides ? [...does.options, ...overridden(view, path, own, first)] : does.options;
      const runs = first ? [first, ...others] : [];
      const words = first?.words.slice(0, first.head) ?? start;
      return made(view, { kind: 'python', path, words, cwd: first?.cwd ?? '', facts: does, options, runs });
    };
    const [first] = of(path);
    const start = first?.words.slice(0, first.head) ?? bare(view, path, own);
    if (subcommands.length === 0) return [program(path, start, own)];
    return subcommands.map(([name, each]) =>
      program(each, [...start, ...name.split(' ')], { ...(own.commands[name] ?? own), imports: own.imports }),
    );
  });
  const tasks = dags.flatMap(({ path: source, functions }) =>
    [...functions].map(([id, does]): Program => {
      const path = taskOf(source, id);
      // The source is read whole before the function is called.
      const environment = { ...facts.get(source)?.environment, ...does.environment };
      const known = { kind: 'task', path, cwd: '', options: [], runs: of(path) } as const;
      return made(view, { ...known, words: of(path)[0]?.words ?? [], facts: { ...does, environment } });
    }),
  );
  return [...sources, ...notebooks(view, facts), ...tasks];
}

function made(view: ProjectView, known: Omit<Program, keyof Classified | 'harm'>): Program {
  const harm = harmOf(view, known.facts, new Set(known.runs.flatMap(({ outs }) => outs)));
  return { ...known, ...classify(known.path, known.facts), harm };
}

/** A file that is named by an argument can be another one in a step; one that is written in the source cannot. */
function harmOf(
  { tracked, files }: ProjectView,
  { appends, writes, models, scores, reads }: Doing,
  declared: ReadonlySet<string>,
): string | null {
  const fixed = (paths: readonly string[]) => paths.filter((path) => !/[<?]/.test(path)).map((path) => join(path));
  const [log] = fixed(appends);
  if (log !== undefined) return `it appends to ${log}`;
  const written = fixed([...writes, ...models, ...Object.keys(scores)]).filter((path) => !declared.has(path));
  const kept = written.find((path) => tracked.has(path));
  if (kept !== undefined) return `it writes ${kept}, which git tracks`;
  const changed = fixed(reads).find((path) => written.includes(path) && files.includes(path));
  return changed === undefined ? null : `it changes ${changed} itself`;
}

function isProgram(path: string, { main, acts, calls, imports, dags, argv }: Facts, called: readonly Run[]): boolean {
  if (dags.length > 0 || imports.some((module) => SERVES.test(module))) return false;
  if (called.length > 0) return true;
  const parses = calls.some((name) => /\.(parse_args|parse_known_args)$|^(typer\.run|fire\.Fire)$/.test(name));
  return !NOT_A_STEP.test(path) && (main || parses || argv > 0 || (acts && doesTrain(path, { calls } as Doing)));
}

/** How a script is started that nobody is seen to start. */
function bare(view: ProjectView, path: string, { imports }: Facts): string[] {
  const parts = path.replace(/(\/__main__)?\.py$/, '').split('/');
  const importsFrom = (name: string) =>
    imports.some((module) => module.startsWith('.') || module === name || module.startsWith(`${name}.`));
  const [top = '', second = ''] = parts;
  // A package under src/ is one that was installed.
  if (top === 'src' && parts.length > 2 && importsFrom(second)) return ['python', '-m', parts.slice(1).join('.')];
  // A script that imports its own package is found only when the project's folder is where Python starts.
  const isPackage = parts.length > 1 && (importsFrom(top) || view.files.includes(`${top}/__init__.py`));
  return isPackage ? ['python', '-m', parts.join('.')] : ['python', path];
}

/** What a script takes as key=value: the keys of its configuration, and of the groups that it or its run chooses. */
function overridden(view: ProjectView, path: string, { reads }: Facts, run: Run | undefined): Option[] {
  const near = (file: string) => [file, join(posix.dirname(path), file)].filter((each) => view.files.includes(each));
  const [file] = reads.filter((each) => /\.ya?ml$/.test(each)).flatMap(near);
  if (file === undefined) return [];
  const { defaults, ...own } = (yamlOf(view.text(file)) ?? {}) as Record<string, unknown>;
  const chosen = Array.isArray(defaults) ? Object.assign({}, ...defaults.filter((one) => typeof one === 'object')) : {};
  const given = (run?.words ?? []).filter((word) => /^\w+=/.test(word)).map((word) => word.split('='));
  const asked = Object.fromEntries(given.filter(([key = '']) => Object.hasOwn(chosen, key)));
  const groups = Object.entries({ ...own, ...chosen, ...asked }).map(([key, value]) => {
    const group = `${posix.dirname(file)}/${key}/${value}.yaml`;
    return [key, view.files.includes(group) ? yamlOf(view.text(group)) : value];
  });
  return flat(Object.fromEntries(groups)).map(([dest, value]) => {
    const type = typeof value === 'number' ? (Number.isInteger(value) ? 'int' : 'float') : 'str';
    return optionOf({ flag: `${dest}=`, dest, type, default: value });
  });
}

type Scalar = string | number | boolean | null;

function flat(value: unknown, path = ''): Array<[string, Scalar]> {
  if (typeof value !== 'object' || value === null) return path === '' ? [] : [[path, value as Scalar]];
  if (Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path === '' ? key : `${path}.${key}`));
}

/** What a configuration file calls a value, by the name under which a program asks for it. */
export function configured(view: ProjectView, files: readonly string[], name: string): string | undefined {
  for (const file of files.filter((path) => view.files.includes(path))) {
    const values = file.endsWith('.toml') ? tomlOf(view.text(file)) : yamlOf(view.text(file));
    // What a program calls the whole of it comes first in the names of its parts.
    const value = reach(values, name) ?? reach(values, name.replace(/^\w+\./, ''));
    if (typeof value === 'string') return value;
  }
  return undefined;
}

/** The programs of a role, those that are run somewhere and say most about themselves first. */
export function withRole(programs: readonly Program[], role: Role): Program[] {
  const worth = ({ runs, reasons, path }: Program) =>
    (runs.length > 0 ? 10 : 0) + reasons.length + (nameOf(path).includes(role) ? 2 : 0);
  return programs
    .filter((program) => program.role === role && program.harm === null)
    .sort((one, other) => worth(other) - worth(one));
}

/** What a program is for. */
const ROLES = ['prepare', 'search', 'train', 'baseline', 'evaluate', 'promote', 'monitor'] as const;
export type Role = (typeof ROLES)[number];

interface Classified {
  role: Role | null;
  /** What speaks for it, as text. */
  reasons: string[];
}

const FITS =
  /(^|\.)(fit|partial_fit|train_on_batch)$|^(lightgbm|xgboost|catboost)\.(train|cv)$|^torch\.optim\.|\.backward$/;
/** What is fitted to data before a model sees them. */
const TRANSFORMS =
  /(preprocessing|impute|decomposition|feature_extraction|feature_selection|cluster)\.\w+\(\)\.|(Scaler|Encoder|Imputer|Vectorizer|PCA)\(\)\./;
const LOGS_MODEL = /^mlflow\.\w+\.log_model$|^mlflow(\.\w+)?\.autolog$/;

const nameOf = (path: string) => (path.split('/').at(-1) ?? '').replace(/\.\w+$/, '').toLowerCase();
const call = ({ calls }: Doing, pattern: RegExp) => calls.find((name) => pattern.test(name));
const fits = ({ calls }: Doing) => calls.find((name) => FITS.test(name) && !TRANSFORMS.test(name));

export function doesTrain(path: string, facts: Doing): boolean {
  return fits(facts) !== undefined || /train|(^|[^a-z])fit([^a-z]|$)/.test(nameOf(path.split('.py ').at(-1) ?? path));
}

/** Whether a program keeps what it trained: it logs a model, or writes one. */
export const keepsModel = (facts: Doing) => facts.models.length > 0 || logsModel(facts);
export const logsModel = (facts: Doing) => call(facts, LOGS_MODEL) !== undefined;

/** Says what a program is for by what it does; its name only tells apart what does the same. */
function classify(path: string, facts: Doing): Classified {
  const fit = fits(facts);
  const keeps = keepsModel(facts);
  const said = (role: Role, ...reasons: Array<string | undefined | false>) => ({
    role,
    reasons: reasons.filter((reason) => typeof reason === 'string'),
  });
  const search = call(facts, /^optuna\.create_study$|^hyperopt\.fmin$|^ray\.tune\.(run|Tuner)$/);
  if (search && !keeps) return said('search', `calls ${search}`);
  const monitors = facts.imports.find((module) => /^(evidently|nannyml|alibi_detect)\b/.test(module));
  if (monitors && !fit) return said('monitor', `imports ${monitors}`);
  const moves = call(facts, /transition_model_version_stage$|set_registered_model_alias$|^mlflow\.register_model$/);
  if (moves && !fit && facts.metrics.length === 0) return said('promote', `calls ${moves}`);
  if (doesTrain(path, facts) && (facts.metrics.length > 0 || Object.keys(facts.scores).length > 0 || keeps)) {
    const logged = call(facts, LOGS_MODEL);
    const logs = facts.metrics.length > 0 && `logs ${facts.metrics.slice(0, 3).join(', ')}`;
    const role = /baseline|dummy/.test(nameOf(path.split(/, task |\.py /).at(-1) ?? path)) ? 'baseline' : 'train';
    const writes = facts.models.length > 0 && 'writes a model';
    return said(role, fit && `calls ${fit}`, logged && `calls ${logged}`, logs, writes);
  }
  const loads = call(facts, /^mlflow\.\w+\.load_model$|^(joblib|torch)\.load$|^pickle\.loads?$/);
  if (loads) return said('evaluate', `calls ${loads}`);
  const writes = call(facts, /\.to_(parquet|csv|feather)$|savez(_compressed)?$|write_text$/);
  return facts.writes.length > 0
    ? said('prepare', writes ? `calls ${writes}` : 'writes files')
    : { role: null, reasons: [] };
}

const Cell = z.looseObject({
  cell_type: z.string(),
  source: z.union([z.string(), z.array(z.string()).transform((lines) => lines.join(''))]),
  metadata: z.looseObject({ tags: z.array(z.string()).optional() }).optional(),
});
const Notebook = z.looseObject({ cells: z.array(Cell) });

/** The code of each notebook, without the lines that only Jupyter understands. */
export function notebookSources(view: ProjectView): Map<string, string> {
  const code = (cells: z.infer<typeof Cell>[]) => cells.map(({ source }) => source.replace(/^[ \t]*[%!].*$/gm, ''));
  return new Map([...cellsByPath(view)].map(([path, cells]) => [path, code(cells).join('\n')]));
}

/** Notebooks as steps that papermill runs in their folder, with the variables of the cell tagged `parameters` as their options. */
function notebooks(view: ProjectView, facts: ReadonlyMap<string, Facts>): Program[] {
  return [...cellsByPath(view)].flatMap(([path, cells]) => {
    const own = facts.get(path);
    const parameters = cells.find(({ metadata }) => metadata?.tags?.includes('parameters'));
    const name = posix.basename(path);
    const words = ['papermill', name, `${placeholder('output')}/${name}`, '-k', 'python3'];
    const known = { kind: 'notebook', path, cwd: join(posix.dirname(path)) } as const;
    return own
      ? [made(view, { ...known, words, runs: [], facts: own, options: tagged(parameters?.source ?? '') })]
      : [];
  });
}

function cellsByPath(view: ProjectView): Map<string, z.infer<typeof Cell>[]> {
  const paths = view.files.filter((path) => path.endsWith('.ipynb'));
  const code = paths.map((path) => {
    const { data } = Notebook.safeParse(parseJson(view.text(path)));
    return [path, (data?.cells ?? []).filter(({ cell_type }) => cell_type === 'code')] as const;
  });
  return new Map(code.filter(([, cells]) => cells.length > 0));
}

/** `lr: float = 0.1  # comment` */
const ASSIGNMENT =
  /^(\w+)\s*(?::\s*[\w.[\]]+)?\s*=\s*(?:(-?[\d.]+(?:e[+-]?\d+)?)|["']([^"']*)["']|(True|False))\s*(?:#\s*(.*))?$/gim;

function tagged(source: string): Option[] {
  return [...source.matchAll(ASSIGNMENT)].map(([, name = '', number, text, truth, help = '']) => {
    const type = number === undefined ? (truth ? 'bool' : 'str') : /[.e]/i.test(number) ? 'float' : 'int';
    const value = number !== undefined ? Number(number) : (text ?? truth === 'True');
    return optionOf({ flag: name, dest: name, type, default: value, help });
  });
}
