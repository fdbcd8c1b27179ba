import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BATCH_LIMITS, PARAM_LENGTH, TAG_LENGTH, toBatches } from '../../../src/systems/mlflow/batches.ts';

const record = <Value>(value: fc.Arbitrary<Value>) => fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), value);

test('every value is in exactly one batch', () => {
  const values = fc.record({
    metrics: record(fc.double({ noNaN: true, noDefaultInfinity: true })),
    params: record(fc.string()),
    tags: record(fc.string()),
  });
  fc.assert(
    fc.property(values, ({ metrics, params, tags }) => {
      const batches = toBatches({ metrics, params, tags });
      const merged = (kind: 'metrics' | 'params' | 'tags') =>
        batches
          .flatMap((batch) => batch[kind] as Array<{ key: string; value: unknown }>)
          .map(({ key, value }) => [key, value]);
      expect(merged('metrics')).toEqual(Object.entries(metrics));
      expect(merged('params')).toEqual(Object.entries(params));
      expect(merged('tags')).toEqual(Object.entries(tags));
      expect(batches.every((batch) => batch.metrics.length + batch.params.length + batch.tags.length > 0)).toBe(true);
    }),
  );
});

test("no batch is over MLflow's limits, in number or in bytes", () => {
  const many = <Value>(count: number, value: Value) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`name ${index}`, value]));
  const batches = toBatches({
    metrics: many(2_345, 0.5),
    params: many(321, '€'.repeat(9_000)),
    tags: many(205, 't'.repeat(9_000)),
  });
  for (const { metrics, params, tags } of batches) {
    expect(metrics.length).toBeLessThanOrEqual(BATCH_LIMITS.metrics);
    expect(params.length).toBeLessThanOrEqual(BATCH_LIMITS.params);
    expect(tags.length).toBeLessThanOrEqual(BATCH_LIMITS.tags);
    expect(metrics.length + params.length + tags.length).toBeLessThanOrEqual(BATCH_LIMITS.total);
    expect(Buffer.byteLength(JSON.stringify({ metrics, params, tags }))).toBeLessThan(1_000_000);
  }
  expect(batches.flatMap(({ params }) => params).every(({ value }) => value.length === PARAM_LENGTH)).toBe(true);
  expect(batches.flatMap(({ tags }) => tags).every(({ value }) => value.length === TAG_LENGTH)).toBe(true);
});

test('metrics without a value are left out', () => {
  const metrics = { auc: 0.5, missing: null, undefinedByZero: Number.NaN, endless: Number.POSITIVE_INFINITY };
  expect(toBatches({ metrics, timestamp: 7, step: 2 })).toEqual([
    { metrics: [{ key: 'auc', value: 0.5, timestamp: 7, step: 2 }], params: [], tags: [] },
  ]);
  expect(toBatches({ metrics: { missing: null } })).toEqual([]);
});
