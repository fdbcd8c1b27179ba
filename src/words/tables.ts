import type { DroppedColumn, TableRemark } from '../contracts/training.ts';
import { counted } from './numbers.ts';

interface ReadTable {
  dropped?: readonly DroppedColumn[] | undefined;
  remarks?: readonly TableRemark[] | undefined;
}

/** Names and remarks that one line shows; others are counted. */
const SHOWN = { line: 3, sentences: 30 } as const;

const WHY_DROPPED: Record<DroppedColumn['reason'], string> = {
  asked: 'as the settings ask',
  group: 'the group of the rows',
  empty: 'empty',
  constant: 'one value only',
  nearlyConstant: 'hardly any row differs',
  rowNumber: 'numbers of rows',
  identifier: 'names of rows',
  tooManyTexts: 'more texts than are read',
};

/** What a line leaves out: people have asked for it, or nothing is lost by it. */
const EXPECTED: ReadonlySet<DroppedColumn['reason']> = new Set(['asked', 'group', 'nearlyConstant']);

/** Which columns of a table are left out or read in doubt, to follow a semicolon; empty: there is nothing to say. */
export function tableText({ dropped = [], remarks = [] }: ReadTable): string {
  const unexpected = dropped.filter(({ reason }) => !EXPECTED.has(reason)).map(({ name }) => name);
  const doubtful = [...new Set(remarks.flatMap(({ column }) => column ?? []))];
  return [
    ...(unexpected.length > 0 ? [`left out: ${listed(unexpected, SHOWN.line)}`] : []),
    ...(doubtful.length > 0 ? [`with odd cells: ${listed(doubtful, SHOWN.line)}`] : []),
  ].join('; ');
}

/** The same as sentences, with the reasons. */
export function tableSentences({ dropped = [], remarks = [] }: ReadTable): string[] {
  const left =
    dropped.length > 0 ? [`The model does not read ${listed(dropped.map(droppedText), SHOWN.sentences)}.`] : [];
  return [...left, ...(remarks.length > 0 ? [`${listed(remarks.map(remarkText), SHOWN.sentences, '; ')}.`] : [])];
}

const droppedText = ({ name, reason }: DroppedColumn): string => `${name} (${WHY_DROPPED[reason]})`;

function remarkText({ code, column, cells, line, detail }: TableRemark): string {
  const where = cells === 1 ? `in line ${line}` : `the first one in line ${line}`;
  const some = `${counted(cells ?? 0, 'cell')} of ${column}, ${where},`;
  switch (code) {
    case 'encoding':
      return `the file is not UTF-8 and was read as ${detail}`;
    case 'separator':
      return `cells are separated by ${detail === '\t' ? 'tabs' : `"${detail}"`}`;
    case 'lost':
      return `${some} could not be read and ${cells === 1 ? 'counts' : 'count'} as missing`;
    case 'notNumbers':
      return `${some} ${cells === 1 ? 'is no number' : 'are no numbers'}, so the column is read as categories`;
    case 'units':
      return `${some} ${cells === 1 ? 'has' : 'have'} a unit beside the number, so the column is read as categories`;
    case 'dayOrMonth':
      return `the dates of ${column} could have the day or the month first and were read with the day first`;
    case 'pointOrComma':
      return `the commas and points of ${column} could be decimal ones or not`;
  }
}

function listed(texts: readonly string[], most: number, separator = ', '): string {
  const more = texts.length - most;
  return `${texts.slice(0, most).join(separator)}${more > 0 ? ` and ${more} more` : ''}`;
}
