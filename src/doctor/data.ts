import { stat } from 'node:fs/promises';
import { asksFor } from '../config/placeholders.ts';
import { fromRoot } from '../config.ts';
import { causeText } from '../contracts/errors.ts';
import { textsOf } from '../systems/steps/index.ts';
import { type Finding, finding } from '../words/findings.ts';
import { nearest } from '../words/suggest.ts';
import { columnsOf, isText } from './csv.ts';
import type { Check } from './run.ts';

/** The data file is there, and has the columns that the settings name. What a project's own step reads is its own affair. */
export const dataCheck: Check = {
  name: 'Data',
  async run({ config }) {
    const path = fromRoot(config, config.data.path);
    const { command, skip, env } = config.steps.prepare;
    const isOurs = !command && !skip;
    // A command that does not ask for the data has them from elsewhere.
    if (command && !asksFor(textsOf({ command, env }), 'data')) return [];
    try {
      const found = await stat(path);
      if (!isOurs) return [finding('dataThere', { path })];
      if (!found.isFile()) return [finding('dataNotAFile', { path })];
      // The bundled reader, which "mediwatch check" asks as well, knows the columns of the others.
      if (!(await isText(path))) return [finding('dataThere', { path })];
      return judgeColumns(await columnsOf(path, config.data.separator), { ...config.data, path });
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? [finding('dataMissing', { path, isFile: isOurs })]
        : [finding('dataUnreadable', { path, reason: causeText(error) })];
    }
  },
};

interface WantedColumns {
  path: string;
  target: string;
  /** Null: the data are split by row. */
  group: string | null;
  /** As the settings name them; undefined: the bundled lists, which need not fit. */
  drop?: readonly string[] | undefined;
  idCategories?: readonly string[] | undefined;
}

/** Whether the columns of a data file are those that a retrain needs, and that the settings name. */
export function judgeColumns(columns: readonly string[], wanted: WantedColumns): Finding[] {
  const { path, target, group, drop = [], idCategories = [] } = wanted;
  if (columns.length < 2) return [finding('dataWithoutColumns', { path })];
  const needed = [
    { column: target, setting: 'data.target' } as const,
    ...(group === null ? [] : [{ column: group, setting: 'data.group' } as const]),
  ];
  const missing = needed.filter(({ column }) => !columns.includes(column));
  return [
    ...(missing.length > 0
      ? missing.map((one) => finding('columnMissing', { path, ...one }))
      : [finding('dataFits', { path, columns: columns.length, target })]),
    ...unknownColumns(columns, { path, isLike: missing.length === 0 }, 'drop', drop),
    ...unknownColumns(columns, { path, isLike: missing.length === 0 }, 'idCategories', idCategories),
  ];
}

/**
 * A name in a list that no column has does nothing. That does no harm where a list serves several files; with a
 * misspelt one, a model learns from a column that it must not see. What the file calls its columns is said only where it
 * looks like the data that are meant: the first line of another one may be a patient's.
 */
function unknownColumns(
  columns: readonly string[],
  { path, isLike }: { path: string; isLike: boolean },
  list: string,
  names: readonly string[],
): Finding[] {
  const others = isLike ? columns.filter((column) => !names.includes(column)) : [];
  return names.flatMap((column, index) => {
    if (columns.includes(column)) return [];
    // visit_2023 is another column than visit_2024.
    const alike = others.filter((other) => withoutDigits(other) !== withoutDigits(column));
    return [finding('columnUnknown', { path, column, list, meant: nearest(column, alike) }, ['data', list, index])];
  });
}

const withoutDigits = (name: string) => name.replaceAll(/\d/g, '');
