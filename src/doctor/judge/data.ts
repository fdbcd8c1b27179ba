import type { Path } from '../../contracts/schemas/shape.ts';
import { didYouMean } from '../../contracts/schemas/suggest.ts';
import { type Finding, ok, problem, warning } from '../finding.ts';
import { counted } from '../lib/words.ts';

interface Wanted {
  path: string;
  target: string;
  /** Null: the data are split by row. */
  group: string | null;
  /** As the settings name them; undefined: the bundled lists, which need not fit. */
  drop?: readonly string[] | undefined;
  idCategories?: readonly string[] | undefined;
}

/** Whether the columns of a data file are those that a retrain needs, and that the settings name. */
export function judgeColumns(columns: readonly string[], wanted: Wanted): Finding[] {
  const { path, target, group, drop = [], idCategories = [] } = wanted;
  if (columns.length < 2) return [problem(`${path} is not a CSV file with columns`, 'set data.path to one')];
  const missing = (name: string, setting: string, what: string) =>
    columns.includes(name)
      ? []
      : [problem(`${path} has no column "${name}" (${what})`, `correct ${setting} in mediwatch.yaml, or the file`)];
  const wrong = [
    ...missing(target, 'data.target', 'the target'),
    ...(group === null ? [] : missing(group, 'data.group', 'the group of the split')),
  ];
  const fits = ok(`${path}: ${counted(columns.length, 'column')}, with the target "${target}"`);
  return [
    ...(wrong.length > 0 ? wrong : [fits]),
    ...drop.flatMap((name, index) => unknown(columns, path, name, ['data', 'drop', index])),
    ...idCategories.flatMap((name, index) => unknown(columns, path, name, ['data', 'idCategories', index])),
  ];
}

/** A misspelt name in a list does nothing: the column that was meant is learned from, or read as a quantity. */
function unknown(columns: readonly string[], path: string, name: string, setting: Path): Finding[] {
  if (columns.includes(name)) return [];
  const list = setting.slice(0, -1).join('.');
  const text = `${path} has no column "${name}" (${list})${didYouMean(name, columns)}`;
  return [{ ...warning(text, `correct ${list} in mediwatch.yaml: the name does nothing`), setting }];
}
