import type { ProjectView } from '../view.ts';
import type { Script } from './scripts.ts';

const DATA_FILE = /\.(csv|csv\.gz|tsv|parquet|feather|jsonl)$/;
/** The data of the project. */
export interface DataFound {
  path: string;
  /** Script that reads it by default; null: found by its looks. */
  reader: string | null;
  /** Whether it is there now. */
  there: boolean;
}

/** What a step made is not what it starts from. */
const MADE =
  /(^|\/)(processed|interim|splits?|features|output|outputs|logs?|reports?|predictions?|artifacts)(\/|$)|(^|\/)(train|test|valid|validation|val|predictions?|pred)[\w-]*\.\w+/;

/** The data that a run starts from: what the preparing or training script reads by default, else the largest file. */
export function detectData(view: ProjectView, readers: readonly Script[]): DataFound | null {
  for (const { path, options, facts } of readers) {
    const named = options.filter(({ dest }) => /data|input|csv|raw|source|path|file/.test(dest) && !/out/.test(dest));
    for (const value of [...named.map((option) => option.default), ...facts.reads]) {
      if (typeof value === 'string' && isThere(view, value) && !MADE.test(value))
        return { path: value, reader: path, there: true };
    }
  }
  // What a script would read if somebody put it there says more than nothing.
  const [missing] = readers.flatMap(({ path, options }) =>
    options.flatMap(({ default: value }) =>
      typeof value === 'string' && DATA_FILE.test(value) && !MADE.test(value)
        ? [{ path: value, reader: path, there: false }]
        : [],
    ),
  );
  const files = view.files.filter((path) => DATA_FILE.test(path) && !MADE.test(path) && !/(^|\/)tests?\//.test(path));
  const [largest] = files.sort((one, other) => view.size(other) - view.size(one));
  return largest ? { path: largest, reader: null, there: true } : (missing ?? null);
}

function isThere(view: ProjectView, path: string): boolean {
  const own = path.replace(/^\.\//, '').replace(/\/$/, '');
  return view.files.some((file) => file === own || file.startsWith(`${own}/`));
}
