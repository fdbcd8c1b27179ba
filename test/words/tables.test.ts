import { expect, it } from 'vitest';
import { tableSentences, tableText } from '../../src/words/tables.ts';

const READ = {
  dropped: [
    { name: 'id', reason: 'asked' as const },
    { name: 'ride', reason: 'identifier' as const },
    { name: 'plant', reason: 'constant' as const },
  ],
  remarks: [
    { code: 'lost' as const, column: 'km', cells: 1, line: 42 },
    { code: 'notNumbers' as const, column: 'size', cells: 1_200, line: 3 },
  ],
};

it('a line says what was left out unasked, and which cells were lost', () => {
  expect(tableText(READ)).toBe(
    'left out: ride (names of rows), plant (one value only); ' +
      '1 cell of km, in line 42, could not be read and counts as missing; ' +
      '1,200 cells of size, the first one in line 3, are no numbers, so the column is read as categories',
  );
  expect(tableText({})).toBe('');
  const dropped = ['a', 'b', 'c', 'd'].map((name) => ({ name, reason: 'empty' as const }));
  expect(tableText({ dropped })).toBe('left out: a (empty), b (empty), c (empty) and 1 more');
});

it('the page of the preparation says all of it', () => {
  expect(tableSentences(READ)[0]).toBe(
    'The model does not read id (as the settings ask), ride (names of rows), plant (one value only).',
  );
  expect(tableSentences({ remarks: [{ code: 'separator', detail: '\t' }] })).toEqual(['cells are separated by tabs.']);
});
