import { z } from 'zod';
import { parseJson } from '../contracts/text.ts';
import type { Invocation } from './shell.ts';
import type { Facts, Option } from './sources.ts';
import type { ProjectView } from './view.ts';

/** Where a script is called, by a DAG, a workflow, a Dockerfile or a line of the documentation. */
export interface Usage extends Invocation {
  /** `dags/train.py, task train_model`. */
  where: string;
}

/** A program of the project that could be a step. */
export interface Script extends Classified {
  kind: 'python' | 'notebook';
  path: string;
  /** How it is started, without arguments. */
  command: string[];
  /** Folder of the project in which it runs; '' for the project itself. */
  cwd: string;
  facts: Facts;
  options: readonly Option[];
  usages: Usage[];
}

/** Programs that are no step: tests, packaging, DAGs, the API. */
const NOT_A_STEP =
  /(^|\/)(tests?|docs?|dags|examples?)\/|(^|\/)(test_[^/]*|[^/]*_test|conftest|setup|manage|noxfile|wsgi|asgi|__init__)\.py$/;
const SERVES = /^(uvicorn|fastapi|flask|django|gunicorn|bentoml|ray\.serve|streamlit|gradio)\b/;

/** The programs among the sources, each with what it is for and how it is started. */
export function detectScripts(
  view: ProjectView,
  facts: ReadonlyMap<string, Facts>,
  usages: readonly Usage[],
): Script[] {
  return [...facts].flatMap(([path, own]) => {
    const called = usages.filter(({ script }) => isScript(script, path));
    if (!path.endsWith('.py') || !isStep(path, own, called.length > 0)) return [];
    const module = moduleOf(view, path, own, called);
    const cwd = (called.find((usage) => usage.cwd) ?? { cwd: '' }).cwd;
    const inCwd = cwd && path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
    const command = module ? ['python', '-m', module] : ['python', inCwd];
    return [
      {
        kind: 'python',
        path,
        command,
        cwd: inCwd === path ? '' : cwd,
        facts: own,
        options: own.options,
        usages: called,
        ...classify(path, own),
      },
    ];
  });
}

/** Whether an invocation means this file: paths on other machines count by their end. */
function isScript(script: Usage['script'], path: string): boolean {
  if ('module' in script) {
    const file = script.module.replaceAll('.', '/');
    return [`${file}.py`, `${file}/__main__.py`].some((own) => path === own || path === `src/${own}`);
  }
  return script.path === path || (script.path.startsWith('/') && script.path.endsWith(`/${path}`));
}

function isStep(path: string, { main, calls, imports, dag }: Facts, isCalled: boolean): boolean {
  if (dag || NOT_A_STEP.test(path) || imports.some((module) => SERVES.test(module))) return false;
  const parses = Object.keys(calls).some((name) => /\.(parse_args|parse_known_args)$/.test(name));
  return main || parses || isCalled;
}

/** The module by which a script is started; undefined when its path does. */
function moduleOf(view: ProjectView, path: string, { imports }: Facts, usages: readonly Usage[]): string | undefined {
  const called = usages.find(({ script }) => 'module' in script)?.script;
  if (called && 'module' in called) return called.module;
  const parts = path.replace(/(\/__main__)?\.py$/, '').split('/');
  if (usages.length > 0 || parts.length === 1) return undefined;
  const importsFrom = (name: string) =>
    imports.some((module) => module.startsWith('.') || module === name || module.startsWith(`${name}.`));
  const [top = '', second = ''] = parts;
  // A package under src/ is one that was installed.
  if (top === 'src' && parts.length > 2 && importsFrom(second)) return parts.slice(1).join('.');
  // A script that imports its own package is found only when the project's folder is where Python starts.
  return importsFrom(top) || view.files.includes(`${top}/__init__.py`) ? parts.join('.') : undefined;
}

/** The scripts of a role, those that are called somewhere and say most about themselves first. */
export function withRole(scripts: readonly Script[], role: Role): Script[] {
  const worth = ({ usages, reasons, options }: Script) =>
    usages.length * 10 + reasons.length * 3 + Math.min(options.length, 5);
  return scripts.filter((script) => script.role === role).sort((one, other) => worth(other) - worth(one));
}

/** What a script is for. */
const ROLES = ['prepare', 'search', 'train', 'baseline', 'evaluate', 'promote', 'monitor'] as const;
export type Role = (typeof ROLES)[number];

interface Evidence {
  role: Role;
  /** How much it says: a name less than a call that only such a script makes. */
  weight: number;
  /** Of the path without its suffix. */
  name?: RegExp;
  /** Of what is called, by its dotted name. */
  call?: RegExp;
  /** Of what is imported. */
  module?: RegExp;
}

const EVIDENCE: readonly Evidence[] = [
  { role: 'prepare', weight: 3, name: /prep|split|featur|ingest|make_?data|build_?data|etl|clean/ },
  { role: 'prepare', weight: 2, call: /(^|\.)train_test_split$|(^|\.)(Stratified)?GroupShuffleSplit$/ },
  { role: 'prepare', weight: 3, call: /\.to_(parquet|csv|feather)$|numpy\.savez(_compressed)?$/ },
  { role: 'search', weight: 6, call: /^optuna\.create_study$|^hyperopt\.fmin$|^ray\.tune\.(run|Tuner)$/ },
  { role: 'search', weight: 2, module: /^(optuna|hyperopt|ray\.tune|skopt)\b/ },
  { role: 'search', weight: 3, name: /tune|tuning|search|hpo|optuna|sweep/ },
  { role: 'train', weight: 3, name: /train|(^|[^a-z])fit([^a-z]|$)/ },
  { role: 'train', weight: 3, call: /^mlflow\.\w+\.log_model$|^mlflow\.register_model$/ },
  { role: 'train', weight: 3, call: /(^|\.)fit$|^(lightgbm|xgboost)\.train$|^torch\.optim\./ },
  { role: 'baseline', weight: 7, name: /baseline|dummy/ },
  { role: 'evaluate', weight: 5, name: /eval|scor(e|ing)|validate_model|test_model/ },
  { role: 'evaluate', weight: 2, call: /^mlflow\.\w+\.load_model$|^joblib\.load$/ },
  { role: 'promote', weight: 5, name: /promot|release|transition/ },
  { role: 'promote', weight: 4, call: /transition_model_version_stage$|set_registered_model_alias$/ },
  { role: 'monitor', weight: 5, module: /^(evidently|nannyml|alibi_detect)\b/ },
  { role: 'monitor', weight: 4, name: /monitor|drift|evidently/ },
];

/** Below this there is a word or a call that may mean anything. */
const ENOUGH = 3;

interface Classified {
  role: Role | null;
  /** What speaks for it, as text. */
  reasons: string[];
}

/** Says what a script is for by its name, its imports and its calls. */
function classify(path: string, facts: Facts): Classified {
  const weights = new Map<Role, { weight: number; reasons: string[] }>();
  const name = (path.split('/').at(-1) ?? '').replace(/\.\w+$/, '').toLowerCase();
  for (const evidence of EVIDENCE) {
    const reason = reasonOf(evidence, name, facts);
    if (!reason) continue;
    const known = weights.get(evidence.role) ?? { weight: 0, reasons: [] };
    weights.set(evidence.role, { weight: known.weight + evidence.weight, reasons: [...known.reasons, reason] });
  }
  const [best] = [...weights].sort(([, one], [, other]) => other.weight - one.weight);
  if (!best || best[1].weight < ENOUGH) return { role: null, reasons: [] };
  return { role: best[0], reasons: best[1].reasons };
}

function reasonOf({ name, call, module }: Evidence, own: string, { calls, imports }: Facts): string | undefined {
  if (name?.test(own)) return 'its name says so';
  const called = call && Object.keys(calls).find((each) => call.test(each));
  if (called) return `calls ${called}`;
  const imported = module && imports.find((each) => module.test(each));
  return imported ? `imports ${imported}` : undefined;
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

/** Notebooks as steps that papermill runs, with the variables of the cell tagged `parameters` as their options. */
export function detectNotebooks(view: ProjectView, facts: ReadonlyMap<string, Facts>): Script[] {
  return cellsByPath(view).flatMap(([path, cells]) => {
    const own = facts.get(path);
    if (!own) return [];
    const parameters = cells.find(({ metadata }) => metadata?.tags?.includes('parameters'));
    const classified = classify(path, own);
    const tagged = parameters ? ['has a cell tagged parameters'] : [];
    return [
      {
        kind: 'notebook' as const,
        path,
        command: ['papermill', path, `{output}/${path.split('/').at(-1)}`, '-k', 'python3'],
        cwd: '',
        facts: own,
        options: parameters ? taggedParameters(parameters.source) : [],
        usages: [],
        ...classified,
        reasons: [...classified.reasons, ...tagged],
      },
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
  return [...source.matchAll(ASSIGNMENT)].map(([, name = '', number, text, truth, comment = '']) => ({
    flag: name,
    dest: name,
    type: number === undefined ? (truth ? 'bool' : 'str') : /[.e]/i.test(number) ? 'float' : 'int',
    default: number !== undefined ? Number(number) : (text ?? truth === 'True'),
    choices: [],
    required: false,
    isFlag: false,
    help: comment,
  }));
}
