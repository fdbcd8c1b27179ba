import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WORKFLOWS, type WorkflowName } from '../../src/contracts/workflows.ts';
import { refusalMarkdown, refusalOf, refusalText } from '../../src/words/refusal.ts';

const refuse = (type: WorkflowName, input: unknown) => {
  const schema = WORKFLOWS[type].input;
  return refusalOf(schema.safeParse(input).error?.issues ?? [], schema, input);
};
const text = (type: WorkflowName, input: unknown) => refusalText(type, refuse(type, input));

describe('a wrong input', () => {
  it.each([
    ['retrain', { trials: -1 }, 'trials: expected a whole number from 0 on; got -1'],
    ['retrain', { trials: '20' }, 'trials: expected a whole number; got the text "20"; write it without quotes: 20'],
    ['retrain', { trails: 20 }, 'trails: unknown field; did you mean "trials"?'],
    ['retrain', { model: 'hgbb' }, 'model: expected one of hgb, rf; got the text "hgbb"; did you mean "hgb"?'],
    ['retrain', { registryStage: null }, 'registryStage: expected one of Production, Staging, None; got null'],
    ['retrain', { approval: 'yes' }, 'approval: expected true or false; got the text "yes"; write true'],
    ['retrain', { rules: [{ metric: 'x' }] }, 'rules[0]: give either maxLoss or minGain'],
    ['promote', { version: 3 }, 'version: expected text; got the number 3; put it in quotes: "3"'],
    [
      'rollback',
      { version: 'newest' },
      'version: expected a version number in quotes, such as "3"; got the text "newest"',
    ],
    ['retrain', [1, 2], 'input: expected an object; got a list'],
  ] as const)('of %s %j is put into words: %s', (type, input, words) => {
    expect(text(type, input)).toContain(words);
  });

  it('is shown with every wrong field, what it is, an example to paste, and all fields', () => {
    const shown = refusalMarkdown('promote', refuse('promote', { version: 3, forse: true }));
    expect(shown).toContain(
      '| `version` | `3` | expected text; got the number 3; put it in quotes: "3" | version to promote; absent: the newest |',
    );
    expect(shown).toContain('| `forse` | `true` | unknown field; did you mean "force"? |');
    const [, example] = /```json\n([\s\S]*?)\n```/.exec(shown) ?? [];
    expect(WORKFLOWS.promote.input.safeParse(JSON.parse(example ?? '')).success).toBe(true);
    for (const field of Object.keys(WORKFLOWS.promote.input.shape)) expect(shown).toContain(`| \`${field}\` |`);
  });

  it('of whatever kind makes a text of bounded size', () => {
    const types = fc.constantFrom(...(Object.keys(WORKFLOWS) as WorkflowName[]));
    fc.assert(
      fc.property(types, fc.anything(), (type, input) => {
        const refusal = refuse(type, input);
        expect(Buffer.byteLength(refusalMarkdown(type, refusal))).toBeLessThanOrEqual(20_000);
        expect(refusalText(type, refusal)).toContain('An input that works');
      }),
    );
  });
});
