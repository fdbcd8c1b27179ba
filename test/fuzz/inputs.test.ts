import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LockInput } from '../../src/contracts/lock.ts';
import { WORKFLOWS } from '../../src/contracts/workflows.ts';
import { createFuzzBench, type FuzzBench } from './support/bench.ts';
import { anyPayloads, inputsOf, json, payload, type RawPayload } from './support/cases.ts';
import { forAll } from './support/forAll.ts';
import { expectClearEnding } from './support/verdict.ts';

/*
 * Every history is read, event by event: those of the runs that are started here while their end is awaited, those of
 * all others (children, locks, stewards, the steward's retrains) at the end.
 */

/** Inputs for each workflow type: 1,000 before a release, fewer where everybody waits for them. */
const RUNS = Number(process.env.FUZZ_RUNS ?? (process.env.CI ? 100 : 1_000));
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
/** Far more than it takes on two busy cores. */
const PATIENCE_MS = 60_000 + RUNS * 1_000;

const STRANGE_NAMES = ['constructor', '__proto__', '漢'.repeat(256), '😀'.repeat(128), '"; DROP', "a' OR 1"];
/** Those that let a run end soon; so many models that their locks have something to do, and hold up nobody for long. */
const OVERRIDES = {
  trials: { values: fc.integer({ min: 0, max: 3 }) },
  version: { values: fc.constantFrom('1', '2', '3', '3', '4', '9999999999') },
  registeredModel: {
    always: true,
    values: fc.oneof(
      { arbitrary: fc.nat({ max: 100 }).map((number) => `model ${number}`), weight: 5 },
      { arbitrary: fc.constantFrom(...STRANGE_NAMES), weight: 1 },
    ),
  },
};

const TYPES = {
  ...WORKFLOWS,
  // Nobody should start it, but anybody can.
  modelLock: { input: LockInput, result: z.null() },
};

let bench: FuzzBench;
beforeAll(async () => {
  bench = await createFuzzBench();
});
afterAll(() => bench?.close());

describe(`${RUNS} random inputs (FUZZ_RUNS) with the seed ${SEED} (FUZZ_SEED)`, () => {
  it.each(Object.keys(TYPES) as Array<keyof typeof TYPES>)(
    '%s ends with a result or a clear refusal',
    async (type) => {
      const { input, result } = TYPES[type];
      // An empty lock waits ten seconds for whoever wants it.
      const atOnce = type === 'modelLock' ? 300 : 50;
      await forAll(
        inputsOf(input, OVERRIDES),
        async ({ payloads }) => {
          const ending = await bench.ending(await bench.start(type, payloads));
          expectClearEnding(ending, payloads, { input, result });
        },
        { runs: RUNS, seed: SEED, atOnce },
      );
    },
    PATIENCE_MS,
  );

  it(
    'a type that does not exist is refused by its name',
    async () => {
      const name = fc.oneof(
        fc.string({ minLength: 1, maxLength: 900 }),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 }).filter((text) => text.isWellFormed()),
        fc.constantFrom(...Object.keys(TYPES)).map((type) => type.toLowerCase().slice(0, -1)),
        fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype), 'default', 'then', 'Retrain', '__esModule'),
      );
      await forAll(
        fc.tuple(name, anyPayloads),
        async ([type, payloads]) => {
          const { kind, failure } = await bench.ending(await bench.start(type, payloads));
          expect({ kind, type: failure?.type }).toEqual({ kind: 'failed', type: 'UnknownWorkflowType' });
          expect(failure?.message).toContain('There is no workflow type');
          expect(failure?.message).toContain('retrain, prepareData');
        },
        { runs: Math.min(RUNS, 300), seed: SEED, atOnce: 60 },
      );
    },
    PATIENCE_MS,
  );
});

describe('what once stopped a workflow for good', () => {
  const wide = (element: string, count: number) => `[${new Array(count).fill(element).join(',')}]`;
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const text = (body: string) => [payload('json/plain', body)];
  const request = { token: 'a', workflowId: 'a', runId: '01a20f41-ac1e-773d-b0ee-bf85cf9bccf2', purpose: 'a' };
  const lockOf = (change: object) => [json({ registeredModel: 'a', queue: [{ ...request, ...change }] })];

  it.each<[string, keyof typeof TYPES, RawPayload[], string]>([
    [
      'a model name that is no search attribute',
      'redeploy',
      [json({ registeredModel: 'x'.repeat(5_000) })],
      'registeredModel',
    ],
    ['a model name with half a character', 'redeploy', [json({ registeredModel: 'a\ud800' })], 'registeredModel'],
    ['a model name that is no folder of an id', 'retrain', [json({ registeredModel: 'a/b' })], 'registeredModel'],
    ['a version that is no search attribute', 'redeploy', [json({ version: '1'.repeat(5_000) })], 'version'],
    ['a version that is written in two ways', 'promote', [json({ version: '03' })], 'version'],
    ['a seed that NumPy does not take', 'prepareData', [json({ seed: -1 })], 'seed'],
    ['a path with a zero byte', 'prepareData', [json({ data: 'a\0b' })], 'data'],
    ['a list of many wrong rules', 'retrain', text(`{"rules": ${wide('{}', 600_000)}}`), '50,000 values'],
    [
      'a list of many wrong trials',
      'trainBestAndRegister',
      text(`{"searchTrials": ${wide('{}', 600_000)}}`),
      '50,000 values',
    ],
    [
      'many unknown fields',
      'retrain',
      text(`{${Array.from({ length: 150_000 }, (_, index) => `"k${index}":1`)}}`),
      '50,000 values',
    ],
    [
      'a very long parameter',
      'trainBestAndRegister',
      [json({ params: { a: 'x'.repeat(1_900_000) } })],
      '500,000 characters',
    ],
    ['megabytes of bytes', 'retrain', [payload('binary/plain', new Uint8Array(1_500_000))], 'bytes'],
    ['a deep list', 'retrain', text(deep), 'values'],
    ['a lock for nobody', 'modelLock', lockOf({ workflowId: '' }), 'queue'],
    ['a lock for a run that cannot be', 'modelLock', lockOf({ runId: 'a' }), 'queue'],
    ['a lock for a long id', 'modelLock', lockOf({ workflowId: '漢'.repeat(400) }), 'queue'],
    ['a lock for half a character', 'modelLock', lockOf({ workflowId: 'a\ud800' }), 'queue'],
  ])('%s is refused with a reason: %s', async (_what, type, payloads, named) => {
    const { failure } = await bench.ending(await bench.start(type, payloads));
    expect(failure?.type).toBe('InvalidInput');
    expect(failure?.message).toContain(named);
    expect(failure?.message).toContain('An input that works');
  });

  it('a workflow id that leaves no room for those of the stages is refused with a reason', async () => {
    const { failure } = await bench.ending(await bench.start('retrain', [json({})], '漢'.repeat(320)));
    expect(failure?.type).toBe('InvalidInput');
    expect(failure?.message).toContain('has 960 bytes');
  });

  it('a workflow id of 900 bytes is good for a whole retrain', async () => {
    const { kind, failure } = await bench.ending(await bench.start('retrain', [json({ trials: 1 })], '漢'.repeat(300)));
    expect([kind, failure?.message]).toEqual(['completed', undefined]);
  });

  it('the server itself refuses more than two megabytes', async () => {
    const start = bench.start('retrain', [json('x'.repeat(2_200_000))]);
    await expect(start).rejects.toThrow(/exceeds limit/);
  });
});

it(
  'no history has a failed or timed-out workflow task, nor a run that was terminated or timed out',
  async () => {
    expect(await bench.readTheOthers()).toBeGreaterThan(0);
    expect(bench.faults).toEqual([]);
  },
  PATIENCE_MS,
);
