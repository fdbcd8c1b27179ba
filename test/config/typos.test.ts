import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigSchema } from '../../src/config/schema.ts';
import { coreOf, keysOf } from '../../src/contracts/schemas.ts';
import { nearest } from '../../src/words/suggest.ts';
import { refusal } from './support.ts';

/** Every known key of every mapping, with the names beside it. */
const KEYS = Object.entries(ConfigSchema.shape).flatMap(([section, schema]) => {
  const keys = keysOf(coreOf(schema));
  return keys.map((key) => ({ section, key, siblings: keys }));
});

/** A key with one letter added, left out or replaced, which is no other key. */
const typo = fc
  .record({
    of: fc.constantFrom(...KEYS),
    at: fc.nat(),
    letter: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'),
    kind: fc.constantFrom('add', 'drop', 'replace'),
  })
  .map(({ of, at, letter, kind }) => {
    const index = at % of.key.length;
    const rest = of.key.slice(kind === 'add' ? index : index + 1);
    return { ...of, wrong: `${of.key.slice(0, index)}${kind === 'drop' ? '' : letter}${rest}` };
  })
  .filter(({ wrong, siblings }) => wrong !== '' && !siblings.some((key) => key.toLowerCase() === wrong.toLowerCase()));

test('one wrong letter in any known key is answered with that key', () => {
  fc.assert(
    fc.property(typo, ({ section, key, wrong }) => {
      const [problem, ...others] = refusal(`${section}:\n  ${JSON.stringify(wrong)}: null\n`).problems;
      expect(others).toEqual([]);
      expect(problem).toMatchObject({ line: 2, column: 3, path: `${section}.${wrong}` });
      expect(problem?.message).toMatch(new RegExp(`did you mean .*"${key}"`));
    }),
  );
});

test('capitals, dashes and underscores do not count', () => {
  expect(nearest('max_failed_share', ['maxFailedShare', 'metric'])).toEqual(['maxFailedShare']);
  expect(nearest('Trials', ['trials'])).toEqual(['trials']);
});

test('another word is no typo', () => {
  expect(nearest('algorithm', ['model', 'trials', 'sampler'])).toEqual([]);
});
