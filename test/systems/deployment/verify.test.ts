import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createProcessTarget } from '../../../src/systems/deployment/process.ts';
import { type DeploymentTarget, GatewayError, VerificationFailed } from '../../../src/systems/deployment/target.ts';
import { type VerifyOptions, verifyCandidate } from '../../../src/systems/deployment/verify.ts';
import { closeGateway, openGateway, type TestGateway } from '../../gateway/support.ts';

let gateway: TestGateway;
let target: DeploymentTarget;
beforeAll(async () => {
  gateway = await openGateway();
  target = createProcessTarget({ adminUrl: gateway.adminUrl });
});
afterAll(async () => {
  await target.close();
  await closeGateway(gateway);
});

/** Starts the fixture API in a mode and verifies it as version 5 of Readmit. */
async function verify(mode: string, options: Partial<VerifyOptions> = {}) {
  const key = `${mode || 'good'}-${Math.random().toString(36).slice(2)}`;
  const { url } = await gateway.start({ key, version: '5', runId: mode });
  try {
    return await verifyCandidate({
      url,
      secret: 'not known to the fixture',
      model: 'Readmit',
      version: '5',
      require: ['version', 'schema', 'prediction'],
      example: [{ age: '[50-60)' }, { age: '[60-70)' }],
      healthTimeoutMs: 10_000,
      maxPredictMs: 5_000,
      staticPaths: [],
      state: () => target.state(key),
      ...options,
    });
  } finally {
    await target.stop(key, { drainMs: 0 });
  }
}

async function failureOf(verification: Promise<unknown>): Promise<VerificationFailed> {
  const error = await verification.then(
    () => new Error('It was verified.'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(VerificationFailed);
  return error as VerificationFailed;
}

describe('a candidate that is good', () => {
  test('passes every check in order, each with its time', async () => {
    const { checks } = await verify('', { staticPaths: ['/static/app.css'] });
    expect(checks.map(({ name }) => name)).toEqual([
      'health',
      'schema',
      'warm-up',
      'predict',
      'static /static/app.css',
    ]);
    expect(checks.every(({ ok, ms }) => ok && ms >= 0)).toBe(true);
    expect(checks.find(({ name }) => name === 'predict')?.detail).toBe('2 records, first probability 0.2500');
  });

  test.each([
    ['classes', 'oak'],
    ['numbers', '17.5'],
  ])('may predict %s', async (mode, first) => {
    const { checks } = await verify(mode);
    expect(checks.find(({ name }) => name === 'predict')?.detail).toBe(`2 records, first prediction ${first}`);
  });

  test('is waited for while it loads, and the wait is reported with its reason', async () => {
    const told: string[] = [];
    await verify('slow-start', { onProgress: (what) => told.push(what) });
    expect(told.some((what) => what.includes('503: loading'))).toBe(true);
  });

  test('is waited for as long as it may take, however the clock of the host is set meanwhile', async () => {
    const startedAt = Date.now();
    const clock = vi
      .spyOn(Date, 'now')
      .mockReturnValueOnce(startedAt)
      .mockReturnValue(startedAt + 3_600_000);
    try {
      expect((await verify('slow-start')).checks[0]).toMatchObject({ name: 'health', ok: true });
    } finally {
      clock.mockRestore();
    }
  });

  test('may have another contract, where no more is required of it', async () => {
    const { checks } = await verify('plain', { require: [] });
    expect(checks.map(({ name }) => name)).toEqual(['health', 'predict']);
    expect((await failureOf(verify('plain'))).message).toContain('/health names no model_version');
  });

  test('predicts the example of its schema when no record is given', async () => {
    const { checks } = await verify('', { example: [] });
    expect(checks.find(({ name }) => name === 'predict')?.detail).toContain('1 records');
  });
});

describe('a candidate is refused', () => {
  test('at once when it exits, with its exit code and the end of its log', async () => {
    const startedAt = performance.now();
    const error = await failureOf(verify('exit'));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(error.check).toBe('health');
    expect(error.message).toContain('exited with code 3');
    expect(error.logTail).toContain('RESOURCE_DOES_NOT_EXIST');
    expect(error.checks).toMatchObject([{ name: 'health', ok: false }]);
  });

  test('at once when it serves another version, naming both', async () => {
    const error = await failureOf(verify('wrong-version', { healthTimeoutMs: 60_000 }));
    expect(error.message).toContain('serves version 99 of Readmit, but version 5 of Readmit');
  });

  test('when it is not healthy in time, with its last reason', async () => {
    const error = await failureOf(verify('never-healthy', { healthTimeoutMs: 1_000 }));
    expect(error.message).toContain('not healthy within 1 s: /health answers 503: MLflow cannot be reached');
  });

  test.each([
    ['no-schema', {}, 'schema', '/schema answers 404'],
    ['predict-fails', {}, 'warm-up', '/predict answers 500: {"detail":"boom"}'],
    ['bad-probability', {}, 'warm-up', 'predictions[0].prob'],
    ['slow-predict', { maxPredictMs: 300 }, 'predict', 'no answer within 0.3 s'],
    ['', { staticPaths: ['/static/none.css'] }, 'static /static/none.css', 'answers 404, not 200'],
  ])('in mode "%s" by a check', async (mode, options, check, message) => {
    const error = await failureOf(verify(mode, options));
    expect(error.check).toBe(check);
    expect(error.message).toContain(message);
    expect(error.checks.at(-1)).toMatchObject({ name: check, ok: false });
  });

  test('when it takes a prediction and never answers', async () => {
    const error = await failureOf(verify('predict-hangs', { maxPredictMs: 100, warmUpMs: 400 }));
    expect(error.check).toBe('warm-up');
    expect(error.message).toContain('/predict gives no answer: no answer within 0.5 s');
  });
});

test('a candidate that the gateway has forgotten is a failure of the gateway, to be tried again', async () => {
  const gone = verify('never-healthy', { state: async () => ({ state: 'absent' }) });
  const error = await gone.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({ retryable: true });
});

test('a verification that is cancelled ends at once', async () => {
  const cancel = new AbortController();
  const reason = new Error('cancelled');
  const verification = verify('never-healthy', {
    healthTimeoutMs: 60_000,
    signal: cancel.signal,
    onProgress: (what) => what.startsWith('waiting') && cancel.abort(reason),
  });
  const error = await verification.catch((thrown: unknown) => thrown);
  expect([error, (error as Error).cause]).toContain(reason);
});
