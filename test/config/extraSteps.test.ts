import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extraStepFaults, orderExtraSteps } from '../../src/config/extraSteps.ts';
import { STAGES } from '../../src/contracts/names.ts';

const names = (steps: Parameters<typeof orderExtraSteps>[0]) =>
  orderExtraSteps(steps).map(({ step, stage, when }) => `${step.name} ${when} ${stage}`);

describe('extra steps', () => {
  it('run stage by stage, and beside the step that they name', () => {
    expect(
      names([
        { name: 'tell', after: 'redeploy' },
        { name: 'fetch', before: 'prepareData' },
        { name: 'unpack', after: 'fetch' },
        { name: 'login', before: 'fetch' },
        { name: 'check', after: 'prepareData' },
        { name: 'second check', after: 'prepareData' },
      ]),
    ).toEqual([
      'login before prepareData',
      'fetch before prepareData',
      'unpack before prepareData',
      'check after prepareData',
      'second check after prepareData',
      'tell after redeploy',
    ]);
  });

  it('are all there, once, each on its side of its anchor, whatever they name', () => {
    const anchored = fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 12 }).map((picks) =>
      picks.map(([before, pick], index) => {
        const anchors = [...STAGES, ...Array.from({ length: index }, (_, earlier) => `s${earlier}`)];
        const anchor = anchors[pick % anchors.length] as string;
        return { name: `s${index}`, ...(before ? { before: anchor } : { after: anchor }) };
      }),
    );
    fc.assert(
      fc.property(anchored, (steps) => {
        const ordered = orderExtraSteps(steps).map(({ step }) => step);
        expect(ordered.map(({ name }) => name).sort()).toEqual(steps.map(({ name }) => name).sort());
        for (const { name, before, after } of steps as Array<{ name: string; before?: string; after?: string }>) {
          const [own, other] = [name, before ?? after].map((wanted) => ordered.findIndex((s) => s.name === wanted));
          if (other !== undefined && other >= 0) expect((own as number) < other).toBe(before !== undefined);
        }
      }),
    );
  });

  it.each([
    [
      [
        { name: 'a', after: 'b' },
        { name: 'b', before: 'a' },
      ],
      'a → b → a',
    ],
    [[{ name: 'a', after: 'a' }], 'a → a'],
    [[{ name: 'a', after: 'promotion' }], '"a" stands beside "promotion", which is none of prepareData'],
    [
      [
        { name: 'a', after: 'promote' },
        { name: 'a', before: 'promote' },
      ],
      'two extra steps are called "a"',
    ],
    [[{ name: 'promote', after: 'redeploy' }], 'the name of the stage "promote"'],
  ])('%j are refused with what is wrong', (steps, message) => {
    expect(extraStepFaults(steps)).toEqual([expect.objectContaining({ message: expect.stringContaining(message) })]);
  });
});
