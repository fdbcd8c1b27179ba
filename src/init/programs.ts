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
  const sources = [...facts].flatMap(([path, own]): Program[] => {
    const subcommands = subcommandsOf(own.commands);
    const called = runs.filter(({ script }) => script === path);
    const calledSo = (name: string) => runs.filter(({ script }) => script === subcommandOf(path, name));
    if (!path.endsWith('.py') || !isProgram(path, own, [...called, ...subcommands.flatMap(calledSo)])) return [];
    const program = (path: string, start: string[], facts: Doing, called: Run[]) => {
      const [first] = called;
      const words = first ? first.words.slice(0, first.head) : start;
      const options = own.overrides ? [...facts.options, ...overridden(view, path, own, called[0])] : facts.options;
      return made(view, { kind: 'python', path, words, cwd: first?.cwd ?? '', facts, options, runs: called });
    };
    const start = called[0]?.words.slice(0, called[0].head) ?? bare(view, path, own);
    if (subcommands.length === 0) return [program(path, start, own, called)];
    return Object.entries(own.commands).map(([name, does]) =>
      program(
        subcommandOf(path, name),
        [...start, ...name.split(' ')],
        { ...does, imports: own.imports },
        calledSo(name),
      ),
    );
  });
  const tasks = dags.flatMap(({ path, functions }) =>
    [...functions].map(([id, does]): Program => {
      const called = runs.filter(({ script }) => script === taskOf(path, id));
      const words = called[0]?.words ?? [];
      // The source is read whole before the function is called.
      const environment = { ...facts.get(path)?.environment, ...does.environment };
      return made(view, {
        kind: 'task',
        path: taskOf(path, id),
        words,
        cwd: '',
        facts: { ...does, environment },
        options: [],
        runs: called,
      });
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
  const near = (file: string) => [file, join(posix.dirname(path), file)].find((each) => view.files.includes(each));
  const file = reads
    .filter((each) => /\.ya?ml$/.test(each))
    .map(near)
    .find((each) => each !== undefined);
  if (file === undefined) return [];
  const { defaults, ...own } = (yamlOf(view.text(file)) ?? {}) as Record<string, unknown>;
  const chosen = Array.isArray(defaults) ? Object.assign({}, ...defaults.filter((one) => typeof one === 'object')) : {};
  const given = run?.words.flatMap((word) => (/^\w+=/.test(word) ? [word.split('=')] : [])) ?? [];
  const asked = Object.fromEntries(given.filter(([key = '']) => Object.hasOwn(chosen, key)));
  const groups = Object.entries({ ...own, ...chosen, ...asked }).map(([key, value]) => {
    const group = `${posix.dirname(file)}/${key}/${value}.yaml`;
    return view.files.includes(group) ? [key, yamlOf(view.text(group))] : [key, value];
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
  const name = nameOf(path.split(/, task |\.py /).at(-1) ?? path);
  const fit = fits(facts);
  const scores = [...facts.metrics, ...Object.keys(facts.scores)];
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
  if (doesTrain(path, facts) && (scores.length > 0 || keeps)) {
    const logged = call(facts, LOGS_MODEL);
    return said(
      /baseline|dummy/.test(name) ? 'baseline' : 'train',
      ...[
        fit && `calls ${fit}`,
        logged && `calls ${logged}`,
        facts.metrics.length > 0 && `logs ${facts.metrics.slice(0, 3).join(', ')}`,
      ],
      facts.models.length > 0 && 'writes a model',
    );
  }
  const loads = call(facts, /^mlflow\.\w+\.load_model$|^(joblib|torch)\.load$|^pickle\.loads?$/);
  if (loads) return said('evaluate', `calls ${loads}`);
  if (/monitor|drift/.test(name)) return said('monitor', 'its name says so');
  if (facts.writes.length > 0 || /prep|split|featur|ingest|etl|clean/.test(name)) {
    const writes = call(facts, /\.to_(parquet|csv|feather)$|savez(_compressed)?$|write_text$/);
    return said('prepare', writes && `calls ${writes}`, !writes && 'its name says so');
  }
  return { role: null, reasons: [] };
}

const Cell = z.looseObject({
  cell_type: z.string(),
  source: z.union([z.string(), z.array(z.string()).transform((lines) => lines.join(''))]),
  metadata: z.looseObject({ tags: z.array(z.string()).optional() }).optional(),
});
const Notebook = z.looseObject({ cells: z.array(Cell) });

/** The code of each notebook, without the lines that only Jupyter understands. */
export function notebookSources(view: ProjectView): Map<string, string> {
  return new Map(
    cellsByPath(view).map(([path, cells]) => [
      path,
      cells.map(({ source }) => source.replace(/^[ \t]*[%!].*$/gm, '')).join('\n'),
    ]),
  );
}

/** Notebooks as steps that papermill runs in their folder, with the variables of the cell tagged `parameters` as their options. */
function notebooks(view: ProjectView, facts: ReadonlyMap<string, Facts>): Program[] {
  return cellsByPath(view).flatMap(([path, cells]) => {
    const own = facts.get(path);
    if (!own) return [];
    const parameters = cells.find(({ metadata }) => metadata?.tags?.includes('parameters'));
    const name = posix.basename(path);
    return [
      made(view, {
        ...{ kind: 'notebook', path, facts: own, runs: [], cwd: join(posix.dirname(path)) },
        words: ['papermill', name, `${placeholder('output')}/${name}`, '-k', 'python3'],
        options: parameters ? taggedParameters(parameters.source) : [],
      }),
    ];
  });
}

function cellsByPath(view: ProjectView): Array<[string, z.infer<typeof Cell>[]]> {
  return view.files
    .filter((path) => path.endsWith('.ipynb'))
    .flatMap((path) => {
      const notebook = Notebook.safeParse(parseJson(view.text(path)));
      const cells = notebook.data?.cells.filter(({ cell_type }) => cell_type === 'code') ?? [];
      return cells.length > 0 ? [[path, cells] as [string, typeof cells]] : [];
    });
}

/** `lr: float = 0.1  # comment` */
const ASSIGNMENT =
  /^(\w+)\s*(?::\s*[\w.[\]]+)?\s*=\s*(?:(-?[\d.]+(?:e[+-]?\d+)?)|["']([^"']*)["']|(True|False))\s*(?:#\s*(.*))?$/gim;

function taggedParameters(source: string): Option[] {
  return [...source.matchAll(ASSIGNMENT)].map(([, name = '', number, text, truth, help = '']) => {
    const type = number === undefined ? (truth ? 'bool' : 'str') : /[.e]/i.test(number) ? 'float' : 'int';
    const value = number !== undefined ? Number(number) : (text ?? truth === 'True');
    return optionOf({ flag: name, dest: name, type, default: value, help });
  });
}
