import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareSchedule, type ScheduleFields } from '../../src/domain/schedules.ts';

const value = fc.constantFrom('a', 'b', 'c');
const fields = fc.record({ when: value, overlap: value, paused: fc.constantFrom('yes', 'no'), note: value });
type Fields = { when: string; overlap: string; paused: string; note: string };
type Step = { edit: Partial<Fields> } | { byHand: Partial<Fields> } | { forget: true };
const part = fc.record({ when: value, overlap: value, paused: fc.constantFrom('yes', 'no') }, { requiredKeys: [] });
const step: fc.Arbitrary<Step> = fc.oneof(
  part.map((edit) => ({ edit })),
  part.map((byHand) => ({ byHand })),
  fc.constant({ forget: true as const }),
);

/** Temporal's side, and what it remembers of what was applied. */
interface Temporal {
  actual: ScheduleFields;
  applied: ScheduleFields | null;
}

function apply(declared: ScheduleFields, { actual, applied }: Temporal, overwrite = false) {
  const comparison = compareSchedule({ declared, actual, applied, overwrite });
  if (!comparison.stale) return { comparison, after: { actual, applied } };
  const kept = comparison.kept.map((field) => [field, actual[field] ?? '']);
  return { comparison, after: { actual: { ...declared, ...Object.fromEntries(kept) }, applied: comparison.record } };
}

/** Steps of people at both sides, each followed by an apply. */
function play(first: Fields, steps: readonly Step[]) {
  let declared = first;
  let temporal: Temporal = { actual: first, applied: first };
  for (const step of steps) {
    if ('edit' in step) declared = { ...declared, ...step.edit };
    if ('byHand' in step) temporal = { ...temporal, actual: { ...temporal.actual, ...step.byHand } };
    if ('forget' in step) temporal = { ...temporal, applied: null };
    temporal = apply(declared, temporal).after;
  }
  return { declared, temporal };
}

it('applying twice does nothing the second time, whatever happened before', () => {
  fc.assert(
    fc.property(fields, fc.array(step), (first, steps) => {
      const { declared, temporal } = play(first, steps);
      const { comparison, after } = apply(declared, temporal);
      expect([comparison.stale, comparison.updates]).toEqual([false, []]);
      expect(after).toEqual(temporal);
    }),
  );
});

it('without a change by hand every edit of the file arrives, and nothing is called changed by hand', () => {
  fc.assert(
    fc.property(fields, fc.array(part), (first, edits) => {
      const steps = edits.map((edit) => ({ edit }));
      const { declared, temporal } = play(first, steps);
      expect(temporal.actual).toEqual(declared);
      expect(apply(declared, temporal).comparison.byHand).toEqual([]);
    }),
  );
});

it('what was changed by hand is never overwritten, unless that is asked for', () => {
  fc.assert(
    fc.property(fields, fc.array(step), part, part, (first, steps, byHand, edit) => {
      const { declared, temporal } = play(first, steps);
      const changed = Object.entries(byHand).filter(([field, text]) => temporal.actual[field] !== text);
      const actual = { ...temporal.actual, ...byHand };
      const wanted = { ...declared, ...edit };
      const { after } = apply(wanted, { ...temporal, actual });
      // Where the hand put back what had been applied before, there is nothing to tell it from.
      for (const [field, text] of changed) {
        if (temporal.applied?.[field] !== text) expect([field, after.actual[field]]).toEqual([field, text]);
      }
      expect(apply(wanted, after, true).after.actual).toEqual(wanted);
    }),
  );
});

it('a pause by hand keeps its reason, and is no deviation any more once it is over', () => {
  const declared = { when: 'a', paused: 'no', note: 'every night' };
  const paused = { ...declared, paused: 'yes', note: 'moving' };
  const edited = { ...declared, note: 'each night' };
  const { comparison, after } = apply(edited, { actual: paused, applied: declared });
  expect(comparison.byHand.map(({ field }) => field)).toEqual(['paused']);
  expect(after.actual).toEqual(paused);
  const resumed = apply(edited, { actual: { ...paused, paused: 'no', note: 'moved' }, applied: after.applied });
  expect(resumed.comparison.byHand).toEqual([]);
  expect(resumed.after.actual).toEqual(edited);
});
