import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asksFor,
  expand,
  expandAll,
  knownPlaceholders,
  PLACEHOLDERS,
  parsePlaceholders,
  placeholderProblems,
} from '../../src/config/placeholders.ts';
import { STEPS } from '../../src/contracts/plans.ts';

const KNOWN = {
  values: { seed: 42, data: '/data/a b.csv', output: '/out', registeredModel: 'M' },
  params: { lr: 0.05, n_estimators: 20, verbose: true, quiet: false, kind: 'a b', none: null },
};

describe('a text with placeholders', () => {
  it('stands for itself where it has none, and doubled braces for single ones', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const escaped = text.replaceAll('{', '{{').replaceAll('}', '}}');
        expect(expand(escaped, KNOWN)).toBe(text);
      }),
    );
  });

  it('is filled from what is known, wherever the placeholder stands', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('x', '{seed}', '{params.lr}', '{{', '}}', ' ')), (pieces) => {
        const filled: Record<string, string> = { '{seed}': '42', '{params.lr}': '0.05', '{{': '{', '}}': '}' };
        expect(expand(pieces.join(''), KNOWN)).toBe(pieces.map((piece) => filled[piece] ?? piece).join(''));
      }),
    );
  });

  it.each(['{', 'a}b', '{}', '{a b}', '{seed', '{"a": 1}'])('%s is refused: a lone brace is a slip', (text) => {
    expect(() => parsePlaceholders(text)).toThrow(/lone/);
    expect(placeholderProblems('trial', text)).toHaveLength(1);
  });
});

describe('an argument', () => {
  it('{params} becomes a pair for each parameter; true is a flag, false and null are left out', () => {
    expect(expandAll(['python', '{params}', '--seed={seed}'], KNOWN)).toEqual([
      ...['python', '--lr', '0.05', '--n_estimators', '20', '--verbose', '--kind', 'a b', '--seed=42'],
    ]);
    expect(expandAll(['python', '{params}'], { ...KNOWN, params: {} })).toEqual(['python']);
  });

  it('finds a parameter by either spelling, and takes the value that stands in for one that is missing', () => {
    expect(expand('{params.n-estimators} {params.depth=3} {params.lr=1}', KNOWN)).toBe('20 3 0.05');
    expect(expand('{params.json}', KNOWN)).toBe(JSON.stringify(KNOWN.params));
  });

  it('that has no value in this call is refused, with what there is', () => {
    expect(() => expand('{version}', KNOWN)).toThrow('{version} cannot be filled: it is not known in this call');
    expect(() => expand('{params.depth}', KNOWN)).toThrow(/there are lr, n_estimators/);
    expect(() => expand('{params.depth}', { ...KNOWN, params: {} })).toThrow(/there was no search/);
  });
});

describe('what a step knows', () => {
  it('is accepted, and nothing else', () => {
    for (const step of [...STEPS, 'extra'] as const) {
      for (const name of Object.keys(PLACEHOLDERS)) {
        const text = `{${name.replace('NAME', 'lr')}}`;
        const isKnown = (knownPlaceholders(step) as string[]).includes(name);
        expect([step, text, placeholderProblems(step, text).length]).toEqual([step, text, isKnown ? 0 : 1]);
      }
    }
  });

  it.each([
    ['trial', '{parms.lr}', 'unknown placeholder {parms.lr}, did you mean {params.lr}?'],
    ['prepare', '{Data}', 'unknown placeholder {Data}, did you mean {data}?'],
    ['train', '{ouput}/x', 'unknown placeholder {ouput}, did you mean {output}?'],
    ['monitor', '{min_rows}', 'unknown placeholder {min_rows}, did you mean {minRows}?'],
    ['prepare', '{params.lr}', '{params.lr} has no meaning in the step prepare'],
    ['trial', '--all={params}', '{params} must be an argument of its own'],
    ['extra', '{whatever}', 'unknown placeholder {whatever}; an extra step knows {project}'],
  ] as const)('in %s, %s is answered with %s', (step, text, answer) => {
    expect(placeholderProblems(step, text)[0]).toContain(answer);
  });

  it('can be asked of a command', () => {
    expect(asksFor(['a', '--x={data}'], 'data')).toBe(true);
    expect(asksFor(['{{data}}', 'data'], 'data')).toBe(false);
  });
});
