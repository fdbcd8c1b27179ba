import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { asksFor } from '../config/placeholders.ts';
import { type Config, fromRoot } from '../config.ts';
import { textsOf } from '../systems/steps/index.ts';
import { cellsOf, countRecords, decoded, isText, recordsOf } from './csv.ts';

/** The data that are tried: rows of a table, or all of it. */
export interface Sample {
  path: string;
  /** Rows in it; null: the data are taken as they are. */
  rows: number | null;
  /** Rows in the whole table; null likewise. */
  of: number | null;
}

/** More rows than this are not looked at. */
const COUNT_LIMIT = 2_000_000;

/**
 * Copies rows of the table in `data.path`, evenly spread, so that a file sorted by its outcome has all of them. What is no
 * CSV file, has few rows, or is read by no step, is taken as it is.
 */
export async function sampleData(config: Config, rows: number, folder: string): Promise<Sample> {
  const path = fromRoot(config, config.data.path);
  const whole = { path, rows: null, of: null };
  if (rows === 0 || !isAsked(config) || !/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return whole;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return whole;
  const count = await countRecords(path, COUNT_LIMIT);
  if (count <= rows || !(await isText(path))) return whole;
  const copy = join(folder, basename(path).replace(/\.gz$/i, ''));
  const file = createWriteStream(copy);
  // Of the header it is -1.
  let number = -1;
  let taken = 0;
  for await (const record of recordsOf(path)) {
    const isDue = number >= 0 && number * rows >= taken * count;
    if (number < 0 || isDue) file.write(record);
    if (isDue) taken += 1;
    number += 1;
    if (taken === rows) break;
  }
  file.end();
  await finished(file);
  return { path: copy, rows: taken, of: count };
}

/** Whether a step reads `data.path`; what a command reads that does not ask for it, nobody knows. */
function isAsked({ steps, extraSteps }: Config): boolean {
  const commands = [...Object.values(steps), ...extraSteps].flatMap(({ command, env }) =>
    command ? [{ command, env }] : [],
  );
  const isBundled = !steps.prepare.command && !steps.prepare.skip;
  return isBundled || commands.some((one) => asksFor(textsOf(one), 'data'));
}

/** The first rows of a table as records, without a column; numbers as numbers. */
export async function firstRecords(
  path: string,
  { target: without, separator }: Pick<Config['data'], 'target' | 'separator'>,
  most: number,
): Promise<Array<Record<string, unknown>>> {
  const lines: string[][] = [];
  for await (const record of recordsOf(path)) {
    lines.push(cellsOf(decoded(record), separator));
    if (lines.length > most) break;
  }
  const [names = [], ...rows] = lines;
  return rows.map((cells) =>
    Object.fromEntries(
      names.flatMap((name, index) => (name === without ? [] : [[name, cellValue(cells[index] ?? '')]])),
    ),
  );
}

function cellValue(text: string): string | number | null {
  if (text === '') return null;
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
