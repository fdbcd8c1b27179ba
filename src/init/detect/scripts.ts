import type { Facts, Option } from '../sources.ts';
import type { ProjectView } from '../view.ts';
import { type Classified, classify, type Role } from './roles.ts';
import type { Invocation } from './shell.ts';

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
