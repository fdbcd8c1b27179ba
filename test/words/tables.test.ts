import { expect, it } from 'vitest';
import { tableSentences, tableText } from '../../src/words/tables.ts';

const READ = {
  dropped: [
    { name: 'id', reason: 'asked' as const },
    { name: 'ride', reason: 'identifier' as const },
    { name: 'plant', reason: 'constant' as const },
  ],
  remarks: [
    { code: 'lost' as const, column: 'km', cells: 1, line: 42, detail: null },
    { code: 'notNumbers' as const, column: 'size', cells: 1_200, line: 3, detail: null },
  ],
};

it('a line names the columns that were left out unasked, and those with cells that are not like the others', () => {
  expect(tableText(READ)).toBe('left out: ride, plant; with odd cells: km, size');
  expect(tableText({})).toBe('');
  const dropped = ['a', 'b', 'c', 'd'].map((name) => ({ name, reason: 'empty' as const }));
  expect(tableText({ dropped })).toBe('left out: a, b, c and 1 more');
});

it('the page of the preparation says all of it', () => {
  expect(tableSentences(READ)).toEqual([
    'The model does not read id (as the settings ask), ride (names of rows), plant (one value only).',
    '1 cell of km, in line 42, could not be read and counts as missing; ' +
      '1,200 cells of size, the first one in line 3, are no numbers, so the column is read as categories.',
  ]);
  const separator = { code: 'separator' as const, column: null, cells: null, line: null, detail: '\t' };
  expect(tableSentences({ remarks: [separator] })).toEqual(['cells are separated by tabs.']);
});
