import { createHash } from 'node:crypto';
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
  type Pair,
  parseDocument,
  type Range,
  type YAMLMap,
} from 'yaml';
import { z } from 'zod';
import { coreFor, coreOf, isMapping, type Path, pathText, schemaAt, valueAt } from '../contracts/schemas.ts';
import { holdsOthers, MOST_SHOWN } from '../words/wrongFields.ts';
import { settingPaths } from './environment.ts';
import { ConfigError, type Place, type PlaceOf, type Problem, placeless } from './problems.ts';
import { ConfigSchema } from './schema.ts';
import { mayBeSecret } from './secrets.ts';

/** What `mediwatch.yaml` says, and on which line it says it. */
interface ConfigDocument {
  file: string | null;
  /** Of its text; empty without a file. */
  digest: string;
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
    return { file: null, digest: '', settings: {}, problems: [], placeOf: () => placeless(null) };
  }
  const text = contentOf(file);
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  const counter = new LineCounter();
  // Its own look for keys that are there twice compares each with each; its warnings quote keys on stderr.
  const options = { prettyErrors: false, uniqueKeys: false, logLevel: 'error' } as const;
  const document = parseDocument(text, { lineCounter: counter, ...options });
  const quote = quoting(text, document);
  let settings: unknown;
  const placeAt = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { file, line, column: col, source: quote(offset - col + 1, col, settings), variable: null };
  };
  const shown = (path: Path, place: Place): Place => (mayBeSecret(path) ? { ...place, source: null } : place);
  const offsetOf = offsets(document);
  const placeOf = (path: Path, part: 'key' | 'value' = 'value'): Place =>
    shown(path, placeAt(offsetOf(path, part) ?? 0));
  const indentOf = (offset: number) => /^\s*/.exec(text.slice(offset - counter.linePos(offset).col + 1))?.[0] ?? '';
  const syntax = [...syntaxProblems(document, placeAt, indentOf), ...repeatedKeys(document, placeAt)];
  const problems = withoutFlags(syntax);
  const unusable = (more: Problem[]) => ({
    ...{ file, digest, settings: {}, placeOf },
    problems: [...problems, ...more],
  });
  if (syntax.some(({ fatal }) => fatal)) return unusable([]);
  const keys = [...nodesIn(document.contents)].filter(({ around }) => around !== undefined);
  const composite = keys.find(({ node }) => isMap(node) || isSeq(node));
  if (composite) {
    const place = placeAt((composite.node as YAMLMap).range?.[0] ?? 0);
    const message = 'the name of a setting is a text, not a mapping or a list';
    return unusable([{ ...place, source: null, path: pathText(composite.path.slice(0, -1)), message }]);
  }
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
  settings = content;
  if (!isMapping(content)) {
    const message = 'expected a mapping of sections, such as "data:" and "search:"';
    problems.push({ ...placeAt(document.contents?.range?.[0] ?? 0), path: '', message });
  }
  return { file, digest, settings: isMapping(content) ? content : {}, problems, placeOf };
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
  /** Of a key: its mapping. */
  around?: YAMLMap;
}

/** Every key, value and item; what an alias stands for is where its anchor is. */
function* nodesIn(node: unknown, path: Path = []): Generator<Located> {
  yield { node, path };
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const here = [...path, nameOf(key)];
      yield { node: key, path: isAlias(key) ? path : here, around: node };
      yield* nodesIn(value, here);
    }
  }
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) yield* nodesIn(item, [...path, index]);
  }
}

type Syntax = Problem & { fatal: boolean };

const withoutFlags = (problems: Syntax[]): Problem[] => problems.map(({ fatal: _, ...problem }) => problem);

/** One for each line: what follows on the same line is a consequence. */
function syntaxProblems(
  document: Document.Parsed,
  placeAt: (offset: number) => Place,
  indentOf: (offset: number) => string,
): Syntax[] {
  const found = document.errors.map(({ message, pos: [offset] }) => {
    const explained = indentOf(offset).includes('\t')
      ? 'indented with a tab, which YAML does not allow: indent with spaces'
      : // What it quotes behind a colon may be a secret.
        `not YAML: ${message.split(': ', 1)}`;
    return { ...placeAt(offset), path: '', message: explained, fatal: true };
  });
  return [...new Map(found.toReversed().map((each) => [each.line, each])).values()].toReversed();
}

function repeatedKeys(document: Document.Parsed, placeAt: (offset: number) => Place): Syntax[] {
  const known = new Map<unknown, Set<string>>();
  const keys = [...nodesIn(document.contents)].filter(({ around }) => around !== undefined);
  const repeated = keys.filter(({ path, around }) => {
    const names = known.get(around) ?? known.set(around, new Set()).get(around);
    const name = String(path.at(-1));
    const isKnown = names?.has(name);
    names?.add(name);
    return isKnown;
  });
  return repeated.slice(0, MOST_SHOWN).map(({ node, path }) => {
    const place = placeAt((node as Node).range?.[0] ?? 0);
    return { ...place, path: pathText(path), message: 'is there twice: keep one of them', fatal: false };
  });
}

/** Secrets, and what stands under names that are no settings: a misspelt one may hold a secret. */
function* hiddenIn(node: unknown, settings: unknown, path: Path = []): Generator<Node> {
  const items = isMap(node) ? node.items.map(({ key, value }) => [nameOf(key), value]) : [];
  const entries = isSeq(node) ? [...node.items.entries()] : items;
  for (const [name, value] of entries as Array<[string | number, Node | null]>) {
    const here = [...path, name];
    if (!mayBeSecret(here) && isSetting(here, settings, isScalar(value))) yield* hiddenIn(value, settings, here);
    else if (value) yield value;
  }
}

/** Whether a name is one that the schema knows, or a free one, and not a text where others belong. */
function isSetting(path: Path, settings: unknown, isText: boolean): boolean {
  const depth = path[0] === 'models' ? 2 : 0;
  const [own, values] = [path.slice(depth), valueAt(settings, path.slice(0, depth))];
  const around = schemaAt(ConfigSchema, values, own.slice(0, -1));
  const core = around && coreFor(around, valueAt(values, own.slice(0, -1)));
  if (core instanceof z.ZodObject && own.length > 0 && !Object.hasOwn(core.shape, String(own.at(-1)))) return false;
  const schema = isText ? schemaAt(ConfigSchema, values, own) : undefined;
  return !schema || !holdsOthers(coreOf(schema));
}

/** A key at the beginning of a line. */
const KEY = /^\s*(?:- +)*([\w-]+)\s*:/;
const NAMES = settingPaths().flat();

/**
 * Quotes a line of the file up to the first thing in it that may be a secret. As long as the settings are not known,
 * because the file is no YAML, that is what follows its first key.
 *
 * @returns null where the place in question is left out
 */
function quoting(text: string, document: Document.Parsed) {
  let hidden: Range[] | undefined;
  return (start: number, column: number, settings: unknown): string | null => {
    const line = text.slice(start, text.indexOf('\n', start) >>> 0).replace(/\r$/, '');
    const [head = '', key = ''] = KEY.exec(line) ?? [];
    let cut = NAMES.includes(key) ? head.length : 0;
    if (settings !== undefined) {
      hidden ??= [...hiddenIn(document.contents, settings)].flatMap(({ range }) => (range ? [range] : []));
      const first = hidden.find(([from, to]) => from < start + line.length && to > start);
      const secret = (first?.[0] ?? Number.POSITIVE_INFINITY) - start;
      cut = Math.max(0, Math.min(secret, line.search(/(?<=^|\s)#/) >>> 0));
    }
    if (column - 1 > cut) return null;
    const shown = line.slice(0, cut).trimEnd();
    return shown.length < line.trimEnd().length ? `${shown} ***` : shown;
  };
}

/** Finds the offset of a setting, or of the nearest one around it that the file has. */
function offsets(document: Document.Parsed) {
  const known = new WeakMap<YAMLMap, Map<string, Pair>>();
  const pairOf = (map: YAMLMap, name: string): Pair | undefined => {
    const pairs = known.get(map) ?? new Map(map.items.map((pair) => [nameOf(pair.key), pair]));
    known.set(map, pairs);
    return pairs.get(name);
  };
  return (path: Path, part: 'key' | 'value'): number | undefined => {
    let node: Node | null = document.contents;
    let offset = node?.range?.[0];
    for (const [depth, name] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document) ?? null;
      if (isMap(node)) {
        const pair = pairOf(node, String(name));
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
  };
}

const nameOf = (key: unknown) => String(isScalar(key) ? key.value : key);
