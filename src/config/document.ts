import { readFileSync } from 'node:fs';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { isMapping, type Path, pathText } from '../contracts/schemas.ts';
import { ConfigError, type Place, type PlaceOf, type Problem, placeless } from './problems.ts';
import { mayBeSecret } from './secrets.ts';

/** What `mediwatch.yaml` says, and on which line it says it. */
interface ConfigDocument {
  file: string | null;
  settings: Record<string, unknown>;
  /** What is wrong with the file as YAML. */
  problems: Problem[];
  /**
   * Where a setting stands: its key, or its value where that is on a line of its own. For one that the file has not,
   * the nearest setting around it.
   */
  placeOf: PlaceOf;
}

/**
 * Reads the file.
 *
 * @param file absent: no file, which is a file without settings
 * @throws {ConfigError} when it cannot be read
 */
export function readDocument(file: string | undefined): ConfigDocument {
  if (file === undefined) {
    return { file: null, settings: {}, problems: [], placeOf: () => placeless(null) };
  }
  const text = contentOf(file);
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lines = text.split(/\r?\n/);
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col, source: lines[line - 1] ?? '', variable: null };
  };
  const shown = (path: Path, place: Place): Place => (mayBeSecret(path) ? { ...place, source: null } : place);
  const placeOf = (path: Path, part: 'key' | 'value' = 'value'): Place =>
    shown(path, placeAt(offsetOf(document, path, part) ?? 0));
  const syntax = syntaxProblems(document, placeAt);
  const problems = withoutFlags(syntax);
  const unusable = (more: Problem[]) => ({ file, settings: {}, problems: [...problems, ...more], placeOf });
  if (syntax.some(({ fatal }) => fatal)) return unusable([]);
  const aliases = [...nodesIn(document.contents)].flatMap(({ node, path }) =>
    isAlias(node) ? [{ alias: node, path }] : [],
  );
  const aliasProblem = ({ alias, path }: { alias: Alias; path: Path }, message: string): Problem => ({
    ...shown(path, placeAt(alias.range?.[0] ?? 0)),
    path: pathText(path),
    message,
  });
  const unresolved = aliases.filter(({ alias }) => alias.resolve(document) === undefined);
  if (unresolved.length > 0) return unusable(unresolved.map((each) => aliasProblem(each, UNRESOLVED)));
  const value = resolved(document);
  // yaml does not say which alias was one too many.
  if (!value) return unusable(aliases.slice(0, 1).map((first) => aliasProblem(first, TOO_MANY)));
  const content = value.content ?? {};
  if (!isMapping(content)) {
    const message = 'expected a mapping of sections, such as "data:" and "search:"';
    problems.push({ ...placeAt(document.contents?.range?.[0] ?? 0), path: '', message });
  }
  return { file, settings: isMapping(content) ? content : {}, problems, placeOf };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

const UNRESOLVED = 'a word that begins with * must be quoted, unless it names an anchor (&name) further up';
const TOO_MANY = 'there are more aliases (words that begin with *) than are followed: write out what they stand for';

/** Undefined: there are so many aliases, or aliases of aliases, that it may be meant to fill the memory. */
function resolved(document: Document.Parsed): { content: unknown } | undefined {
  try {
    return { content: document.toJS() };
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/** A node of the file, and the setting that it stands for or in whose name it stands. */
interface Located {
  node: unknown;
  path: Path;
}

/** Every key, value and item; what an alias stands for is where its anchor is. */
function* nodesIn(node: unknown, path: Path = []): Generator<Located> {
  yield { node, path };
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const here = [...path, nameOf(key)];
      yield { node: key, path: isAlias(key) ? path : here };
      yield* nodesIn(value, here);
    }
  }
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* nodesIn(item, [...path, index]);
  }
}

type Syntax = Problem & { fatal: boolean };

const withoutFlags = (problems: Syntax[]): Problem[] => problems.map(({ fatal: _, ...problem }) => problem);

/** One for each line: what follows on the same line is a consequence. A duplicate key has a message of its own. */
function syntaxProblems(document: Document.Parsed, placeAt: (offset: number) => Place): Syntax[] {
  const found = document.errors.map(({ code, message, pos }) => {
    const place = placeAt(pos[0]);
    const twice = code === 'DUPLICATE_KEY';
    const explained = /\t/.test(/^\s*/.exec(place.source ?? '')?.[0] ?? '')
      ? 'indented with a tab, which YAML does not allow: indent with spaces'
      : `not YAML: ${message}`;
    const path = twice ? pathAt(document, pos[0]) : [];
    return {
      ...place,
      path: pathText(path),
      message: twice ? 'is there twice: keep one of them' : explained,
      fatal: !twice,
    };
  });
  return found.filter(({ line }, index) => found.findIndex((other) => other.line === line) === index);
}

/** The setting whose key begins at an offset. */
function pathAt(document: Document.Parsed, offset: number): Path {
  const found = [...nodesIn(document.contents)].find(({ node }) => isScalar(node) && node.range?.[0] === offset);
  return found?.path ?? [];
}

/** Offset of a setting, or of the nearest one around it that the file has. */
function offsetOf(document: Document.Parsed, path: Path, part: 'key' | 'value'): number | undefined {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0];
  for (const [depth, name] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap(node)) {
      const pair: { key: unknown; value: unknown } | undefined = node.items.findLast(
        ({ key }) => nameOf(key) === String(name),
      );
      if (!pair) return offset;
      const last = depth === path.length - 1;
      const [key, value] = [pair.key as Node | null, pair.value as Node | null];
      const scalar = isScalar(value) && value.value !== null;
      offset = (last && part === 'value' && scalar ? value.range?.[0] : undefined) ?? key?.range?.[0] ?? offset;
      node = value;
    } else if (isSeq(node)) {
      node = (node.items[Number(name)] as Node | undefined) ?? null;
      if (!node) return offset;
      offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

const nameOf = (key: unknown) => String(isScalar(key) ? key.value : key);
