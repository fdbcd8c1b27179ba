import { Writable } from 'node:stream';
import { type Cli, type Io, openCli, writeLine } from '../cli.ts';
import { buildProgram } from '../program.ts';
import { replacement, splitLine } from './bash.ts';
import { type Candidate, offerAt, walk } from './line.ts';

/** Name of the command that the scripts of the shells call. */
export const COMPLETE = '__complete';

/** A person has pressed a key and waits (ms). */
const LIMIT_MS = 2_500;

/**
 * Answers the script of a shell: on the first line what is offered besides the rest (`files`, `folders` or `values`),
 * then a line for each value. It says nothing else, and nothing at all when something is wrong.
 *
 * @param args what the script hands over: the shell; for bash its line up to the cursor and its word breaks, for others
 *     the words before the current one and that one, all without quotes
 */
export async function complete([shell, ...typed]: readonly string[], io: Io): Promise<void> {
  const silent = () => new Writable({ write: (_chunk, _encoding, done) => done() });
  const interrupted = AbortSignal.timeout(LIMIT_MS);
  const cli = openCli({ ...io, stdout: silent(), stderr: silent(), interrupted }, false);
  try {
    const lines = shell === 'bash' ? await forBash(cli, typed) : await forOthers(cli, shell, typed);
    writeLine(io.stdout, lines.join('\n'));
  } catch {
    // What cannot be completed is typed.
  }
}

async function forBash(cli: Cli, [line = '', breaks = '']: readonly string[]): Promise<string[]> {
  const { words, current } = splitLine(line, breaks);
  const [, ...before] = words;
  if (/^\d*[<>]+$/.test(before.at(-1) ?? '')) return ['files'];
  const { kind, prefix, candidates } = await offered(cli, before, current.text);
  const values = candidates.map(({ value }) => prefix + value).filter((value) => value.startsWith(current.text));
  return [kind, ...values.map((value) => replacement(value, current))];
}

/** Zsh and fish choose among all values themselves: both find more than those that begin so. */
async function forOthers(cli: Cli, shell: string | undefined, typed: readonly string[]): Promise<string[]> {
  const { kind, prefix, candidates } = await offered(cli, typed.slice(0, -1), typed.at(-1) ?? '');
  const before = shell === 'fish' ? prefix : '';
  return [kind, ...candidates.map(({ value, about }) => `${before}${value}\t${about}`)];
}

interface Offered {
  kind: 'files' | 'folders' | 'values';
  prefix: string;
  candidates: Candidate[];
}

async function offered(cli: Cli, words: readonly string[], current: string): Promise<Offered> {
  const program = buildProgram(cli);
  const place = walk(program, words);
  const { completion, prefix, candidates } = offerAt(program, place, current);
  if (completion === 'files' || completion === 'folders') return { kind: completion, prefix, candidates: [] };
  const { registeredModel } = place.given;
  const model = typeof registeredModel === 'string' ? registeredModel : undefined;
  const asked = completion ? await (await import('./values.ts')).VALUES[completion](cli, model) : [];
  const all = [...candidates, ...asked].map(({ value, about }) => ({
    value: value.replace(/[\n\t]/g, ' '),
    about: about.replace(/\s+/g, ' '),
  }));
  return { kind: 'values', prefix, candidates: all };
}
