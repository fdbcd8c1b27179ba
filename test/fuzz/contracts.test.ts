import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure } from '../../src/contracts/errors.ts';
import { LockInput, LockRequest } from '../../src/contracts/lock.ts';
import { payloadConverter, Undecodable } from '../../src/contracts/payloads.ts';
import { ModelName, tooLarge, truncate, utf8Length, VersionNumber, words } from '../../src/contracts/text.ts';
import { WORKFLOWS, type WorkflowName } from '../../src/contracts/workflows.ts';
import { alerted, createSteward } from '../../src/domain/steward.ts';
import { refusalMarkdown, refusalOf, refusalText } from '../../src/words/refusal.ts';
import { readAlerts, readSteering } from '../../src/workflows/runtime/stewardDesk.ts';
import { anyPayload, inputsOf } from './support/cases.ts';
import { expectRefusal, firstOf, wrongFields } from './support/verdict.ts';
import { arbitraryOf } from './support/zodArbitrary.ts';

/** Texts with halves of surrogate pairs in them. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff })), { maxLength: 300 })
  .map((codes) => String.fromCharCode(...codes));

describe('texts', () => {
  it('of people are stored as they are, but for what nothing can store', () => {
    fc.assert(
      fc.property(units, (text) => {
        const stored = words(300).parse(text);
        expect(stored.isWellFormed()).toBe(true);
        expect(stored).not.toContain('\0');
        expect(stored).toHaveLength(text.length);
      }),
    );
  });

  it('that are cut leave no half of a character', () => {
    fc.assert(
      fc.property(units, fc.integer({ min: 10, max: 300 }), (text, limit) => {
        const cut = truncate(text, limit);
        expect(cut.isWellFormed()).toBe(true);
        expect(cut.length).toBeLessThanOrEqual(limit);
        expect(failure('StepFailed', text).message.isWellFormed()).toBe(true);
      }),
    );
  });

  it('that name a model make ids which Temporal takes', () => {
    fc.assert(
      fc.property(arbitraryOf(ModelName) as fc.Arbitrary<string>, (name) => {
        expect(name.isWellFormed()).toBe(true);
        expect(utf8Length(`retrain-drift-${name}-2026-01-31T02-00-00-000Z/promote/prepareData`)).toBeLessThan(1_000);
      }),
    );
    for (const name of ['', ' ', '.', '..', 'a/b', 'a:b', 'a\nb', 'a\0', '\ud800', 'x'.repeat(257)]) {
      expect(ModelName.safeParse(name).success, JSON.stringify(name)).toBe(false);
    }
  });

  it('that number a version have one way of writing', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (VersionNumber.safeParse(text).success) expect(String(Number(text))).toBe(text);
      }),
    );
    for (const text of ['0', '03', '-1', '1.0', '', '9'.repeat(11)])
      expect(VersionNumber.safeParse(text).success).toBe(false);
  });
});

describe('a payload', () => {
  it('is read, or told to be unreadable, whatever it holds', () => {
    fc.assert(
      fc.property(anyPayload, (sent) => {
        const read = payloadConverter.fromPayload(sent);
        expect(ArrayBuffer.isView(read)).toBe(false);
      }),
    );
    expect(firstOf([{ metadata: {}, data: new Uint8Array() }])).toBeInstanceOf(Undecodable);
    expect(firstOf([])).toBeUndefined();
  });
});

describe('a large value', () => {
  it.each([
    ['list', new Array(1_000_000).fill({})],
    ['object', Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`k${index}`, 1]))],
    ['text', 'x'.repeat(600_000)],
    ['nest', JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ])('is reported in no time: a %s', (_what, value) => {
    expect(tooLarge(value)).toMatch(/^it holds more than/);
  });

  it('is none with all that a search hands on', () => {
    const trial = {
      ...{ number: 1, state: 'failed', score: 0.61, seconds: 12.5, runId: 'a'.repeat(32), error: 'x'.repeat(300) },
      params: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`parameter_${index}`, index / 7])),
      metrics: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`metric_${index}`, index / 7])),
    };
    expect(tooLarge({ searchTrials: new Array(201).fill(trial) })).toBeNull();
  });
});

describe('what a steward is sent', () => {
  it('counts, whatever it is', () => {
    fc.assert(
      fc.property(anyPayload, (sent) => {
        const input = firstOf([sent]);
        const steward = readAlerts(input).reduce((known, alert) => alerted(known, alert, 0), createSteward('model'));
        expect(steward.counted).toBeGreaterThan(0);
        expect(readSteering(input).by.length).toBeLessThanOrEqual(200);
      }),
    );
  });

  it('may be nested deeper than it can be written', () => {
    const deep = { reason: JSON.parse(`${'['.repeat(40_000)}${']'.repeat(40_000)}`) as unknown };
    expect(readAlerts(deep)[0]?.reason).toContain('This alert could not be read');
  });
});

describe('a refusal', () => {
  it.each(Object.keys(WORKFLOWS) as WorkflowName[])(
    'of an input of %s names each wrong field, also on its page',
    (type) => {
      const { input: schema } = WORKFLOWS[type];
      fc.assert(
        fc.property(inputsOf(schema, {}), ({ payloads }) => {
          const value = firstOf(payloads) ?? {};
          const wrong = wrongFields(schema, value);
          const issues = schema.safeParse(value).error?.issues;
          if (!(wrong && issues) || tooLarge(value) || value instanceof Undecodable) return;
          const refusal = refusalOf(issues, schema, value);
          const { message } = failure('InvalidInput', refusalText(type, refusal));
          expectRefusal(message, wrong);
          expect(refusalMarkdown(type, refusal).length).toBeGreaterThan(100);
        }),
        { numRuns: 1_000 },
      );
    },
  );
});

describe('a lock', () => {
  it('takes no request that Temporal would refuse to answer', () => {
    const one = { workflowId: 'a', runId: '01a20f41-ac1e-773d-b0ee-bf85cf9bccf2' };
    const request = { token: 'a', ...one, holder: one, purpose: 'promote', version: null };
    expect(LockRequest.safeParse(request).success).toBe(true);
    for (const change of [
      { workflowId: '' },
      { workflowId: '漢'.repeat(400) },
      { workflowId: '\ud800' },
      { runId: 'a' },
    ]) {
      expect(LockRequest.safeParse({ ...request, ...change }).success, JSON.stringify(change)).toBe(false);
    }
  });
});

describe('random inputs', () => {
  it.each(Object.entries({ ...WORKFLOWS, modelLock: { input: LockInput } }))(
    'of %s are valid ones too, made from its schema',
    (_type, { input }) => {
      const kinds = fc.sample(inputsOf(input, {}), { numRuns: 200, seed: 1 });
      const valid = kinds.filter(({ kind }) => kind === 'valid');
      expect(valid.length).toBeGreaterThan(3);
      for (const { payloads } of valid) expect(input.safeParse(firstOf(payloads)).error).toBeUndefined();
    },
  );
});
