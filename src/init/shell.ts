import { posix } from 'node:path';
import { parse } from 'shell-quote';
import type { ProjectView } from './view.ts';

/** A command as some file of the project starts it. */
export interface Run {
  /** `Makefile, target rows`. */
  where: string;
  /** What it is called there: a target, a stage, a task. */
  name: string;
  /** Program and arguments; folders of other machines are taken out where they are the project's. */
  words: string[];
  /** How many of them start the program: `python -m parking.rows`. */
  head: number;
  /** Source or notebook of the project that it runs; null: another program. */
  script: string | null;
  /** Folder of the project in which it runs; '' for the project itself. */
  cwd: string;
  /** Variables that are set for it. */
  env: Readonly<Record<string, string>>;
  /** Files that it is declared to write, and those of them that hold metrics. */
  outs: readonly string[];
  metrics: readonly string[];
  /** How often and how long it is tried, in seconds. */
  retries: number | null;
  retryDelay: number | null;
  timeout: number | null;
}

/** Where commands are looked up. */
export interface Commands {
  view: ProjectView;
  /** Console scripts of the project: the source of each by its name. */
  programs: ReadonlyMap<string, string>;
  /** What the sources of the project take as their first word, such as train: by path. */
  subcommands: ReadonlyMap<string, readonly string[]>;
  /** Runs of a target of the Makefile. */
  make(target: string | undefined, shell: Shell): Run[];
}

export interface Shell {
  where: string;
  name: string;
  cwd: string;
  variables: Record<string, string>;
  depth: number;
}

export const shellAt = (where: string, name = '', cwd = ''): Shell => ({ where, name, cwd, variables: {}, depth: 0 });

const LAUNCHERS = /^(uv|poetry|pipenv|hatch|pdm|rye)$/;
const WRAPPERS = /^(exec|time|nice|nohup|sudo|env|\$|do|then|else|!|-|cmd:)$/;
const SILENT =
  /^(set|source|\.|:|true|if|fi|done|for|while|\[|\[\[|test|export|echo|mkdir|printf|pip|pip3|conda|trap|shift)$/;
const PYTHON = /(^|\/)python(\d(\.\d+)*)?$/;

/** The commands of a text for a shell, in their order; other scripts and targets of make are followed. */
export function runsOf(text: string, commands: Commands, shell: Shell): Run[] {
  if (shell.depth > 4 || text.length > 100_000) return [];
  const inner = { ...shell, variables: { ...shell.variables } };
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => {
      const runs = commandsOf(line, inner).flatMap((words) => started(words, commands, inner));
      // A program that is fed or read by the shell is not run by its words alone.
      return PIPED.test(line) ? runs.map((one) => ({ ...one, script: null })) : runs;
    });
}

const PIPED = /(^|[^<])<\s*[\w./$]|[^2&]>\s*[\w./${}]+\.(csv|tsv|json|jsonl|parquet|pkl)\b/;

/** The commands of a line, each as its words; what is unknown stays as it is written. */
function commandsOf(line: string, shell: Shell): string[][] {
  const found: string[][] = [[]];
  let isPiped = false;
  for (const token of tokens(expanded(line, shell))) {
    const word = typeof token === 'string' ? token : 'pattern' in token ? token.pattern : undefined;
    if (word !== undefined) found.at(-1)?.push(...(isPiped ? [] : [unguarded(word)]));
    else if (typeof token === 'object' && 'op' in token) {
      isPiped = token.op === '|';
      found.push([]);
    } else break; // a comment
  }
  return found.filter((words) => words.length > 0);
}

/** A line that no shell would take says nothing. */
function tokens(line: string): ReturnType<typeof parse> {
  try {
    return parse(guarded(line.replace(/(^|\s)\d*(>>?|<)\s*(&\d|[^\s&|;]+)/g, ' ')), (name) => `$${name}`);
  } catch {
    return [];
  }
}

/** Templates have spaces: `{{ ds }}` and `${{ inputs.x }}` are one word each. */
const guarded = (line: string) =>
  line.replace(/\$?\{\{(.*?)\}\}/g, (_all, inner: string) => `__T__${inner.trim().replace(/\W/g, '_')}__T__`);
const unguarded = (word: string) => word.replace(/__T__(.*?)__T__/g, '{{$1}}');

/** A line with the variables that are known. */
function expanded(line: string, { variables, where }: Shell): string {
  return line
    .replace(/\$\(dirname\s+"?\$\{?(?:0|BASH_SOURCE(?:\[0\])?)\}?"?\)/g, posix.dirname(where))
    .replace(/\$\{(\w+):?-([^}]*)\}/g, (_all, name: string, other: string) => variables[name] ?? other)
    .replace(/\$\{?(\w+|[@*])\}?/g, (all, name: string) => variables[name] ?? all);
}

function started(given: string[], commands: Commands, shell: Shell): Run[] {
  let words = [...given];
  const env: Record<string, string> = {};
  while (words[0] !== undefined && (WRAPPERS.test(words[0]) || /^\w+=/.test(words[0]))) {
    const [, name, value = ''] = /^(\w+)=(.*)$/s.exec(words.shift() ?? '') ?? [];
    if (name && words.length > 0 && !isTemplate(value)) env[name] = value;
    else if (name) shell.variables[name] = value;
  }
  if (LAUNCHERS.test(words[0] ?? '') && words[1] === 'run')
    words = words.slice(words.findIndex((word, at) => at > 1 && !word.startsWith('-')));
  const [program = '', ...rest] = words;
  const inner = { ...shell, depth: shell.depth + 1 };
  if (program === 'export' || program === 'make') for (const word of rest) assign(word, shell);
  if (!program || SILENT.test(program)) return [];
  if (program === 'cd' && rest[0]) {
    shell.cwd = folderOf(rest[0], commands.view, shell);
    return [];
  }
  if (program === 'make') {
    const variables = { ...shell.variables, ...env };
    const at = rest.indexOf('-C');
    const cwd = join(shell.cwd, at < 0 ? '' : (rest.splice(at, 2)[1] ?? ''));
    const targets: Array<string | undefined> = rest.filter((word) => !/^-|=/.test(word));
    return (targets.length > 0 ? targets : [undefined]).flatMap((target) =>
      commands.make(target, { ...inner, cwd, variables }),
    );
  }
  const isShell = /(^|\/)(ba|z|da)?sh$/.test(program);
  if (isShell && /^-\w*c/.test(rest[0] ?? '')) return runsOf(rest[1] ?? '', commands, inner);
  const at = isShell ? rest.findIndex((word) => !word.startsWith('-')) : -1;
  if (isShell || program.endsWith('.sh')) {
    const path = join(shell.cwd, stripped(at < 0 ? program : (rest[at] ?? ''), commands.view, shell));
    const args = rest.slice(at + 1);
    const all = { '@': args.join(' '), '*': args.join(' ') };
    const numbered = Object.fromEntries(args.map((word, place) => [String(place + 1), word]));
    const text = commands.view.text(path);
    const own = { ...shell.variables, ...numbered, ...all, ...env };
    if (text !== undefined) return runsOf(text, commands, { ...inner, variables: own, where: path });
  }
  return [{ ...run(words, commands, shell), env }];
}

function assign(word: string, { variables }: Shell): void {
  const [, name, value = ''] = /^(\w+)=(.*)$/s.exec(word) ?? [];
  if (name) variables[name] = value;
}

/** A run of words that start a program. */
export function run(given: readonly string[], { view, programs, subcommands }: Commands, shell: Shell): Run {
  const words = given.map((word) => stripped(word, view, shell));
  const [program = ''] = words;
  if (PYTHON.test(program)) words[0] = 'python';
  else if (program.endsWith('.py')) words.unshift('python');
  else if (/(^|\/)bin\/[\w.-]+$/.test(program)) words[0] = posix.basename(program);
  const source = target(words, shell.cwd, view, programs);
  const rest = words.slice(source.head).join(' ');
  const subcommand = subcommands.get(source.script ?? '')?.find((name) => `${rest} `.startsWith(`${name} `));
  const script = subcommand === undefined ? source.script : subcommandOf(source.script ?? '', subcommand);
  const head = source.head + (subcommand?.split(' ').length ?? 0);
  const { where, name, cwd } = shell;
  return {
    ...{ where, name, words, head, script, cwd: inCwd(cwd, view), env: {} },
    ...{ outs: [], metrics: [], retries: null, retryDelay: null, timeout: null },
  };
}

/** What a subcommand of a source is named by. */
export const subcommandOf = (path: string, name: string) => `${path} ${name}`;

const inCwd = (cwd: string, view: ProjectView) => (isFolder(cwd, view) ? cwd : '');

/** The source of the project that a command runs, and how many words of it name that. */
function target(words: readonly string[], cwd: string, view: ProjectView, programs: Commands['programs']) {
  const [program = ''] = words;
  const isThere = (path: string) => view.files.includes(path);
  const of = (word: string | undefined, head: number, ends: RegExp) => {
    const path = word && ends.test(word) ? join(cwd, word) : '';
    return { script: isThere(path) ? path : null, head };
  };
  if (program === 'papermill') return of(words[1], 3, /\.ipynb$/);
  const own = programs.get(program);
  if (own !== undefined) return { script: own, head: 1 };
  if (program !== 'python') return { script: null, head: 1 };
  const first = words.findIndex((word, at) => at > 0 && (word === '-m' || !word.startsWith('-')));
  if (words[first] !== '-m') return of(words[first], Math.max(first, 0) + 1, /\.py$/);
  const file = (words[first + 1] ?? '').replaceAll('.', '/');
  const tried = [cwd, '', 'src'].flatMap((folder) =>
    [`${file}.py`, `${file}/__main__.py`].map((own) => join(folder, own)),
  );
  return { script: tried.find(isThere) ?? null, head: first + 2 };
}

/** A path from the project's folder on. */
export function join(...parts: string[]): string {
  const joined = posix.normalize(posix.join(...parts));
  return joined === '.' ? '' : joined.replace(/\/$/, '');
}

const isFolder = (path: string, view: ProjectView) =>
  path === '' || view.files.some((file) => file.startsWith(`${path}/`));

/** The folder that a command changes into: of an absolute one its longest end that the project has. */
function folderOf(path: string, view: ProjectView, shell: Shell): string {
  if (!/^([/$~]|\{\{)/.test(path)) return join(shell.cwd, path);
  const end = ownEnd(path, view) ?? '';
  shell.variables[ROOT] = end === '' ? path.replace(/\/$/, '') : path.slice(0, path.length - end.length - 1);
  return end;
}

/** The longest end of a path of another machine that the project has as a file or folder; undefined: it has none. */
export function ownEnd(path: string, view: ProjectView): string | undefined {
  const parts = path.split('/').filter(Boolean);
  const ends = parts.map((_, from) => parts.slice(from).join('/'));
  return ends.find((end) => view.files.includes(end) || isFolder(end, view));
}

/** The project's folder on the machine where the commands run. */
const ROOT = ' root';

/** A word without the folder of another machine that is the project's own. */
function stripped(word: string, view: ProjectView, { variables }: Shell): string {
  const root = variables[ROOT];
  if (root && word.includes(root)) return word === root ? '.' : word.replaceAll(`${root}/`, '');
  const parts = word.split('/');
  if (!/^[/$~]/.test(word) || !/\.\w+$/.test(word)) return word;
  const at = parts.findIndex((_, from) => from > 0 && view.files.includes(parts.slice(from).join('/')));
  if (at < 0) return word;
  variables[ROOT] ??= parts.slice(0, at).join('/');
  return parts.slice(at).join('/');
}

/** Whether an argument is known only where it was written: a template or a variable. */
export function isTemplate(word: string): boolean {
  return /\{\{|\$\w|\$\{|\$$|\$\(/.test(word);
}
