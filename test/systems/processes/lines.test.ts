import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/systems/processes/output.ts';

function split(pieces: string[], limit = 1_000): string[] {
  const splitter = new LineSplitter(limit);
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.flush()];
}

describe('lines', () => {
  it('are the same wherever the pieces were cut', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', 'ü', '\n', '\r', '\r\n') });
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const whole = pieces.join('').split(/\r\n|[\r\n]/);
        if (whole.at(-1) === '') whole.pop();
        expect(split(pieces)).toEqual(whole);
      }),
    );
  });

  it('that are too long come in pieces, and nothing is lost', () => {
    const pieces = Array.from({ length: 10 }, () => 'x'.repeat(7));
    const lines = split([...pieces, '\n', 'short\n'], 20);
    expect(lines.at(-1)).toBe('short');
    expect(lines.join('')).toBe(`${'x'.repeat(70)}short`);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(20 + 7);
  });
});
