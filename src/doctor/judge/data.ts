import { didYouMean } from '../../words/suggest.ts';
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
    ...unknown({ columns, path, names: drop, list: 'drop' }),
    ...unknown({ columns, path, names: idCategories, list: 'idCategories' }),
  ];
}

interface Named {
  columns: readonly string[];
  path: string;
  names: readonly string[];
  list: 'drop' | 'idCategories';
}

/**
 * A name in a list that no column has does nothing. That is no harm where a list serves several files; a misspelt one
 * lets a model learn from what it must not see.
 */
function unknown({ columns, path, names, list }: Named): Finding[] {
  const others = columns.filter((column) => !names.includes(column));
  return names.flatMap((name, index) => {
    if (columns.includes(name)) return [];
    // visit_2023 is another column than visit_2024.
    const meant = didYouMean(
      name,
      others.filter((column) => withoutDigits(column) !== withoutDigits(name)),
    );
    const mend = `correct data.${list} in mediwatch.yaml: the name does nothing`;
    return [
      { ...warning(`${path} has no column "${name}" (data.${list})${meant}`, mend), setting: ['data', list, index] },
    ];
  });
}

const withoutDigits = (name: string) => name.replaceAll(/\d/g, '');
