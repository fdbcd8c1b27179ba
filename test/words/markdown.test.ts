import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shorten } from '../../src/contracts/text.ts';
import { code, fitted, jsonBlock, link, plain, table } from '../../src/words/markdown.ts';

const bytes = (text: string) => Buffer.byteLength(text);

describe('a summary', () => {
  it('has 200 bytes at most as Temporal gets it, whatever it was made of, and no half characters', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.constant('😀'.repeat(300)));
    fc.assert(
      fc.property(anything, (text) => {
        const summary = shorten(text);
        expect(bytes(JSON.stringify(summary))).toBeLessThanOrEqual(200);
        if (text.isWellFormed()) expect(summary.isWellFormed()).toBe(true);
        expect(summary).not.toMatch(/[\r\n]/);
      }),
    );
  });

  it('that is short stays as it is', () => {
    expect(shorten('trial 7: learning_rate 0.041, depth 6')).toBe('trial 7: learning_rate 0.041, depth 6');
  });

  it('that is long ends with an ellipsis', () => {
    expect(shorten('é'.repeat(300))).toMatch(/^é{97}…$/);
  });
});

describe('text from elsewhere', () => {
  it('opens no link, image, code, emphasis or HTML', () => {
    expect(plain('[here](http://evil) ![x](y) `a` **b** <script> a|b ~c~ &lt;')).toBe(
      '\\[here\\](http://evil) !\\[x\\](y) \\`a\\` \\*\\*b\\*\\* \\<script\\> a\\|b \\~c\\~ \\&lt;',
    );
  });

  it('keeps names as they read', () => {
    expect(plain('learning_rate 0.0412, max_depth 6')).toBe('learning_rate 0.0412, max_depth 6');
    expect(plain('_emphasised_ text\nand more')).toBe('\\_emphasised\\_ text and more');
    expect(plain('retrain-2 --follow')).toBe('retrain-2 \\--follow');
  });

  it('never changes the shape of a table', () => {
    const cell = fc.string({ unit: fc.constantFrom('|', '\\', '`', 'a', '\n', ' ', '[', ']') }).map(plain);
    fc.assert(
      fc.property(cell, cell, (one, other) => {
        const row = table(['a', 'b'], [[one, other]]).split('\n');
        expect(row).toHaveLength(3);
        // GitHub's tables end a cell at a bar before which there is an even number of backslashes.
        const bars = [...(row[2] ?? '').matchAll(/(\\*)\|/g)].filter(([, slashes]) => (slashes?.length ?? 0) % 2 === 0);
        expect(bars).toHaveLength(3);
      }),
    );
  });
});

it('code may hold backticks', () => {
  expect(code('a `b` c')).toBe('``a `b` c``');
  expect(code('`a')).toBe('`` `a ``');
});

it('only addresses of the web are links, and none ends early', () => {
  expect(link('Report', 'https://mlflow/run?a=(1)|2')).toBe('[Report](https://mlflow/run?a=%281%29%7c2)');
  expect(link('Report', 'javascript:alert(1)')).toBe('Report `javascript:alert(1)`');
  expect(link('a](b', 'http://x')).toBe('[a\\](b](http://x)');
});

it('details have 20 KB at most, with the first paragraphs whole', () => {
  const text = fitted(['first', 'é'.repeat(30_000), null, 'last', '']);
  expect(text).toMatch(/^first\n\nlast\n\nThere is more than fits on this page\.\n\n/);
  const many = fitted(Array.from({ length: 500 }, () => 'x'.repeat(200)));
  expect(bytes(many)).toBeLessThanOrEqual(20_000);
  expect(bytes(many)).toBeGreaterThan(19_000);
});

it('JSON to paste can be parsed', () => {
  const block = jsonBlock({ reason: 'a "b"' });
  expect(JSON.parse(block.replace(/^```json\n|\n```$/g, ''))).toEqual({ reason: 'a "b"' });
});
