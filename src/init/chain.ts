import { type Binding, filesOf } from './call.ts';
import { placeholder, within } from './declared.ts';
import type { Findings } from './findings.ts';
import { type Program, type Role, withRole } from './programs.ts';
import { join, type Run } from './shell.ts';

/** The pieces of work around a training, as they are declared. */
export interface Chain {
  train: Program;
  run: Run | undefined;
  earlier: Piece[];
  later: Piece[];
  left: Run[];
}
export interface Piece {
  program: Program;
  run: Run | undefined;
}

const NO_EXTRA: ReadonlyArray<Role | null> = ['search', 'promote', 'monitor', 'baseline'];

export function chainOf({ programs, pipelines }: Findings, train: Program): Chain {
  const pipeline = pipelines.find(({ runs }) => runs.some(({ script }) => script === train.path));
  // Entry points of an MLproject are no chain.
  const runs = pipeline && pipeline.where !== 'MLproject' ? pipeline.runs : [];
  const at = runs.findIndex(({ script }) => script === train.path);
  const programOf = (run: Run) => programs.find(({ path }) => path === run.script);
  const extra = (part: readonly Run[]) =>
    part.flatMap((run): Piece[] => {
      const program = programOf(run);
      const isExtra = program && program !== train && program.harm === null && !NO_EXTRA.includes(program.role);
      return isExtra ? [{ run, program }] : [];
    });
  return {
    train,
    run: pipeline?.runs.find(({ script }) => script === train.path) ?? train.runs[0],
    earlier: extra(runs.slice(0, Math.max(at, 0))),
    later: extra(runs.slice(at + 1)),
    left: runs.filter((run, index) => index !== at && !programOf(run)),
  };
}

export const writtenBy = ({ program, run }: Piece, { view }: Findings) => {
  const { writes, models, scores } = program.facts;
  return [...(run?.outs ?? []), ...filesOf(program, run, [...writes, ...models, ...Object.keys(scores)], view)];
};

/** Files that a program reads in a run: by its source, and those of other programs that an argument names. */
export function readBy({ program, run }: Piece, { view }: Findings): string[] {
  return [...filesOf(program, run, program.facts.reads, view), ...valuesOf({ program, run })];
}

/** The paths that arguments name, by declaration or default. */
export function valuesOf({ program, run }: Piece): string[] {
  const words = (run?.words.slice(run.head) ?? []).map((word) => word.replace(/^--?[\w-]+=|^[\w.]+=/, ''));
  const defaults = program.options.map((option) => option.default).filter((value) => typeof value === 'string');
  return [...words, ...defaults]
    .filter((word) => !word.startsWith('-') && /[\w.]/.test(word))
    .map((word) => (/^\/|:\/\//.test(word) ? word : join(program.cwd, word)));
}

/** What one program makes and another reads: the outer one of each pair of paths, without folders around others. */
function shared(maker: Piece, reader: Piece, findings: Findings): string[] {
  const made = writtenBy(maker, findings);
  const own = readBy(reader, findings).filter((path) => path !== '' && path !== '.');
  const pairs = made.flatMap((path) =>
    own.flatMap((other) => (within(other, path) ? [path] : within(path, other) ? [other] : [])),
  );
  return [...new Set(pairs)].filter((path) => !pairs.some((other) => other !== path && within(other, path)));
}

/** The arguments of a program that name paths, or folders around them; null when one of them is not named by any. */
function named(piece: Piece, paths: readonly string[]): string[] | null {
  const values = valuesOf(piece);
  const found = paths.flatMap(
    (path) => values.find((value) => value === path) ?? values.find((value) => within(path, value)) ?? [],
  );
  return found.length < paths.length ? null : found;
}

/** The path in a folder of ours. */
export const inside = (folder: 'output' | 'dataset', path: string): Binding => [
  path,
  /\.\w+$/.test(path) ? `${placeholder(folder)}/${path.split('/').at(-1)}` : placeholder(folder),
];

interface Preparation {
  piece: Piece;
  /** Folder of the project in which it writes; null: it is given one. */
  directory: string | null;
  writes: Binding[];
  reads: Binding[];
}

/** How a preparing program hands over to the training; null when it cannot be told. */
export function preparation(piece: Piece, reader: Piece, findings: Findings): Preparation | null {
  const fixed = (directory: string | null) => ({ piece, directory, writes: [], reads: [] });
  // What a task returns is a file in its folder.
  if (piece.program.kind === 'task' && reader.program.kind === 'task') return fixed(null);
  const paths = shared(piece, reader, findings);
  const [path] = paths;
  if (path === undefined) return null;
  const given = named(piece, paths);
  const taken = named(reader, paths);
  if (given && taken?.every((one) => given.some((folder) => within(one, folder)))) {
    const [writes, reads] = (['output', 'dataset'] as const).map((folder) => given.map((one) => inside(folder, one)));
    return { piece, directory: null, writes: writes ?? [], reads: reads ?? [] };
  }
  const folder = /\.\w+$/.test(path) ? path.split('/').slice(0, -1).join('/') : path;
  return folder === '' || /^\/|:\/\//.test(folder) ? null : fixed(folder);
}

/** Programs that prepare what the training reads: the one that its pipeline runs last before it, else all that could. */
export function preparations(findings: Findings, train: Program | null): Piece[] {
  if (!train) return [];
  const { run, earlier } = chainOf(findings, train);
  const hands = (piece: Piece) => preparation(piece, { program: train, run }, findings) !== null;
  const declared = earlier.filter(hands).at(-1);
  if (declared) return [declared];
  if (earlier.length > 0) return [];
  return withRole(findings.programs, 'prepare')
    .map((program) => ({ program, run: program.runs[0] }))
    .filter(hands);
}
