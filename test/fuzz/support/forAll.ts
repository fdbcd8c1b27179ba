import fc from 'fast-check';

interface Options {
  runs: number;
  seed: number;
  /** Checks under way at the same time. */
  atOnce: number;
}

/** Values that are made in one go: making all of them would keep the worker, which lives in this process, from its tasks. */
const CHUNK = 20;
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

function* valuesOf<Value>(property: fc.IAsyncProperty<[Value]>, runs: number, seed: number) {
  for (let begin = 0; begin < runs; begin += CHUNK) {
    const chunk = fc.sample(property, { numRuns: Math.min(CHUNK, runs - begin), seed: seed + begin });
    for (const [index, [value]] of chunk.entries()) yield { value, seed: seed + begin, path: String(index) };
  }
}
