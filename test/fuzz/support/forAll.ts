import fc from 'fast-check';

interface Options {
  runs: number;
  seed: number;
  /** Checks under way at the same time. */
  atOnce: number;
}

/** The longest that a failing case is made smaller (ms). */
const SHRINKING_MS = 60_000;

/**
 * Checks a property with many random values at once, which fast-check itself does one after the other. One that fails is
 * made as small as it still fails, and told with the seed and path that repeat it.
 */
export async function forAll<Value>(
  arbitrary: fc.Arbitrary<Value>,
  check: (value: Value) => Promise<void>,
  { runs, seed, atOnce }: Options,
): Promise<void> {
  const property = fc.asyncProperty(arbitrary, check);
  const values = valuesOf(property, runs, seed);
  let failed: { seed: number; path: string; error: unknown } | undefined;
  const lane = async () => {
    for (const { value, ...place } of values) {
      await check(value).catch((error: unknown) => {
        failed ??= { ...place, error };
      });
      if (failed) return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, runs) }, lane));
  if (!failed) return;
  const { error, ...place } = failed;
  const smaller = { interruptAfterTimeLimit: SHRINKING_MS, markInterruptAsFailure: true };
  await fc.assert(property, { ...place, ...smaller, numRuns: 1 });
  throw new Error(`It failed once (${JSON.stringify(place)}), and not when tried again.`, { cause: error });
}

/** Each is made when it is wanted: making all of them would keep the worker, which lives in this process, from its tasks. */
function* valuesOf<Value>(property: fc.IAsyncProperty<[Value]>, runs: number, seed: number) {
  for (let index = 0; index < runs; index += 1) {
    // By its path, so that the value is the one which that path makes again.
    const path = String(index);
    const [[value]] = fc.sample(property, { numRuns: 1, seed, path }) as [[Value]];
    yield { value, seed, path };
  }
}
