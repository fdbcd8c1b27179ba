import { posix } from 'node:path';
import { parse } from 'shell-quote';

/** A Python program that some command line runs. */
export interface Invocation {
  /** Path of the script in the project, or its module. */
  script: { path: string } | { module: string };
  /** What stands behind it, as it was written. */
  args: string[];
  /** Folder of the project in which it runs; '' for the project itself. */
  cwd: string;
  /** The words of its command. */
  line: string;
}

/** Programs that start another one, and how many words of theirs stand before it. */
const LAUNCHERS: Record<string, number> = { poetry: 2, uv: 2, pipenv: 2, hatch: 2, pdm: 2, exec: 1, time: 1, nice: 1 };
const PYTHON = /(^|\/)python(\d(\.\d+)?)?$/;

/** Finds the Python programs in lines of a shell; anything else in them is passed over. */
export function invocations(text: string): Invocation[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .flatMap((line) => invocationsOf(line));
}

function invocationsOf(line: string): Invocation[] {
  const found: Invocation[] = [];
  let cwd = '';
  for (const words of commands(line)) {
    if (words[0] === 'cd' && words[1]) cwd = inProject(cwd, words[1]);
    else found.push(...invocation(words, cwd));
  }
  return found;
}

/** The commands of a line, each as its words; variables stay as they are written. */
function commands(line: string): string[][] {
  const found: string[][] = [[]];
  for (const token of tokens(line)) {
    if (typeof token === 'string') found.at(-1)?.push(unguarded(token));
    else if ('op' in token && token.op === 'glob' && 'pattern' in token) found.at(-1)?.push(unguarded(token.pattern));
    else if ('op' in token) found.push([]);
  }
  return found.map((words) => words.slice(words.findIndex((word) => !/^\w+=/.test(word))));
}

/** A line that no shell would take says nothing. */
function tokens(line: string): ReturnType<typeof parse> {
  try {
    return parse(guarded(line), (name) => `$${name}`);
  } catch {
    return [];
  }
}

/** Templates have spaces: `{{ ds }}` and `${{ inputs.x }}` are one word each. */
const guarded = (line: string) =>
  line.replace(/\$?\{\{(.*?)\}\}/g, (_all, inner: string) => `__T__${inner.trim().replace(/\W/g, '_')}__T__`);
const unguarded = (word: string) => word.replace(/__T__(.*?)__T__/g, '{{$1}}');

function invocation(words: string[], cwd: string): Invocation[] {
  const skipped = LAUNCHERS[words[0] ?? ''] ?? 0;
  const [program = '', ...rest] = words.slice(words[0] === '$' ? 1 : skipped);
  const line = words.join(' ');
  if (program.endsWith('.py')) return [{ script: { path: inProject(cwd, program) }, args: rest, cwd, line }];
  if (!PYTHON.test(program)) return [];
  const first = rest.findIndex((word) => word === '-m' || !word.startsWith('-'));
  const [head, ...tail] = rest.slice(first < 0 ? rest.length : first);
  if (head === '-m' && tail[0]) return [{ script: { module: tail[0] }, args: tail.slice(1), cwd, line }];
  return head?.endsWith('.py') ? [{ script: { path: inProject(cwd, head) }, args: tail, cwd, line }] : [];
}

/** A path from the project's folder on. An absolute folder is the project where that command runs. */
function inProject(cwd: string, path: string): string {
  if (posix.isAbsolute(path) || path.startsWith('$')) return path.endsWith('.py') ? path : '';
  const joined = posix.normalize(posix.join(cwd, path));
  return joined === '.' ? '' : joined;
}

/** Whether an argument is known only where it was written: a template or a variable. */
export function isTemplate(word: string): boolean {
  return /\{\{|\$\w|\$\{|\$$/.test(word);
}
